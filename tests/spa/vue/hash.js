import { createApp } from "vue";
import { createRouter, createWebHashHistory } from "vue-router";
import { init } from "tracker-kit";
import App from "./App.vue";
import { routes } from "./routes";

init({ host: "https://events.example", writeKey: "WRITE_KEY", hash: true });

const router = createRouter({ history: createWebHashHistory(), routes });
router.afterEach((to) => {
  document.title = to.meta.title(to);
});
createApp(App).use(router).mount("#app");
