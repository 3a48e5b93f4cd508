import { createApp } from "vue";
import { createRouter, createWebHistory } from "vue-router";
import { init } from "tracker-kit";
import App from "./App.vue";
import { routes } from "./routes";

init({ host: "https://events.example", writeKey: "WRITE_KEY" });

const router = createRouter({ history: createWebHistory(), routes });
router.afterEach((to) => {
  document.title = to.meta.title(to);
});
createApp(App).use(router).mount("#app");
