import { init } from "tracker-kit";

init({ host: "https://events.example", writeKey: "WRITE_KEY" });
