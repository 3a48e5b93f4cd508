import Account from "./Account.vue";
import Home from "./Home.vue";
import List from "./List.vue";

const titled = (text) => ({ title: () => text });

export const routes = [
  { path: "/", component: Home, meta: titled("Home") },
  { path: "/account", component: Account, meta: titled("Account") },
  { path: "/list", component: List, meta: { title: (to) => `List by ${to.query.sort ?? "name"}` } },
  { path: "/late", component: () => import("./Late.vue"), meta: titled("Loading") },
];
