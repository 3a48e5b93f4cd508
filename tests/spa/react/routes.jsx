import { useEffect } from "react";
import { Link, Outlet, useSearchParams } from "react-router";
import { identify, track } from "tracker-kit";

function Frame() {
  return (
    <>
      <nav>
        <Link to="/">Home</Link> <Link to="/account">Account</Link> <Link to="/list">List</Link> <Link to="/late">Late</Link>
      </nav>
      <Outlet />
      <button onClick={() => track("Bought", { price: 24 })}>Buy</button>
    </>
  );
}

function Home() {
  return (
    <>
      <title>Home</title>
      <h1>Home</h1>
    </>
  );
}

function Account() {
  useEffect(() => {
    identify("user-42", { plan: "pro" });
  }, []);
  return (
    <>
      <title>Account</title>
      <h1>Account</h1>
    </>
  );
}

function List() {
  const [search, setSearch] = useSearchParams();
  const sort = search.get("sort") ?? "name";
  return (
    <>
      <title>{`List by ${sort}`}</title>
      <h1>List by {sort}</h1>
      <button onClick={() => setSearch({ sort: "price" }, { replace: true })}>Sort</button>
    </>
  );
}

export const routes = [
  {
    Component: Frame,
    children: [
      { path: "/", Component: Home },
      { path: "/account", Component: Account },
      { path: "/list", Component: List },
      { path: "/late", lazy: () => import("./late") },
    ],
  },
];
