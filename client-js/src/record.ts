import { version } from "../package.json";
import { campaign } from "./campaign";
import { now } from "./clock";
import { id } from "./id";
import { json } from "./json";
import { advance } from "./person";
import { place } from "./place";
import { add } from "./queue";
import { schedule } from "./send";
import type { EventType, Fields } from "./types";

const WAIT_MS = 1000;
const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone; // slow, so asked once


/**
 * Makes an event of what happened now and queues it. With `titleLater` the title is read when the event is
 * sent, or the user moves on: single-page applications set it only after they have changed the address.
 */
export function record(type: EventType, fields: Fields, titleLater?: boolean): void {
  const time = now();
  const { anonymousId, userId, sessionId, seq } = advance(time);
  const page = place();
  const { width, height } = screen;
  const event = {
    type,
    messageId: id(),
    originalTimestamp: new Date(time).toISOString(),
    anonymousId,
    userId,
    ...fields,
    context: {
      page,
      campaign: campaign(),
      locale: navigator.language,
      timezone,
      screen: { width, height },
      sessionId,
      seq,
      library: { name: "tracker-kit", version },
    },
  };
  const text = () => {
    page.title = document.title;
    return json(event);
  };
  // Properties are the caller's to change after the call, so they are written down at once.
  schedule(add(titleLater ? text : text()) ? 0 : WAIT_MS);
}
