// As main.jsx, with the client started by the root: an effect, which StrictMode runs twice, and the pages' run before it.
import { StrictMode, useEffect } from "react";
import { createRoot } from "react-dom/client";
import { createBrowserRouter, RouterProvider } from "react-router";
import { init } from "tracker-kit";
import { routes } from "./routes";

const router = createBrowserRouter(routes);

function Root() {
  useEffect(() => {
    init({ host: "https://events.example", writeKey: "WRITE_KEY" });
  }, []);
  return <RouterProvider router={router} />;
}

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <Root />
  </StrictMode>,
);
