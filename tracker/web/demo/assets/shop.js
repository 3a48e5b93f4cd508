// The shop itself: what a page that uses the client looks like. Every line with `kit.` is all there is to tracking.
const find = (selector) => document.querySelector(selector);

// Add to cart
let inCart = Number(sessionStorage.getItem("shop.cart"));
const showCart = () => (find("[data-cart]").textContent = inCart === 1 ? "1 thing in the cart" : `${inCart} things in the cart`);
showCart();

for (const button of document.querySelectorAll("[data-add]")) {
  button.addEventListener("click", () => {
    kit.track("Added to cart", { product: button.dataset.add, price: Number(button.dataset.price), currency: "EUR" });
    sessionStorage.setItem("shop.cart", ++inCart);
    showCart();
  });
}

for (const button of document.querySelectorAll("[data-plan]")) {
  button.addEventListener("click", () => kit.track("Chose a plan", { plan: button.dataset.plan }));
}

const outward = find("[data-outward]");
outward.addEventListener("click", () => kit.track("Followed a link", { to: outward.getAttribute("href") }));

// Shelves: addresses of their own without loading a page. The page views are the client's doing.
const shelves = document.querySelectorAll("[data-shelf-link]");
const showShelf = () => {
  const shelf = new URLSearchParams(location.search).get("shelf") || "all";
  for (const link of shelves) {
    if (link.dataset.shelfLink === shelf) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  for (const good of document.querySelectorAll("[data-shelf]")) good.hidden = shelf !== "all" && good.dataset.shelf !== shelf;
  document.title = { seeds: "Seeds · Fern & Fable", tools: "Tools · Fern & Fable", pots: "Pots · Fern & Fable" }[shelf] || "Fern & Fable";
};
if (shelves.length) {
  for (const link of shelves) {
    link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      history.pushState(null, "", link.href);
      showShelf();
    });
  }
  addEventListener("popstate", showShelf);
  showShelf();
}

// Sign up and log out
const form = find("[data-sign-up]");
const known = find("[data-known]");
const showUser = () => {
  const { userId } = kit.user();
  form.hidden = Boolean(userId);
  known.hidden = !userId;
  known.querySelector("strong").textContent = userId || "";
};
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { email, plan } = Object.fromEntries(new FormData(form));
  kit.identify(email, { email, plan });
  kit.track("Signed up", { plan });
  showUser();
  known.querySelector("button").focus();
});
known.querySelector("button").addEventListener("click", () => {
  kit.track("Logged out");
  kit.reset();
  form.reset();
  showUser();
  form.querySelector("input").focus();
});
kit.ready(showUser);
