/** Why this looks like a program rather than a person, if it does. */
export const bot = (): string | undefined =>
  navigator.webdriver ? "webdriver" : /headless|bot\b|crawl|spider/i.exec(navigator.userAgent)?.[0];
