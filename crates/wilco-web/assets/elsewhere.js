// A login link for one more browser.

import { send } from "./api.js";
import { byId } from "./dom.js";

export function start({ failed }) {
  const link = byId("elsewhere-link");
  byId("elsewhere").addEventListener("click", async () => {
    try {
      const { path } = await send("/login-link", {});
      link.value = new URL(path, location.origin).href;
      byId("elsewhere-about").hidden = false;
      link.focus();
      link.select();
    } catch (error) {
      failed(error);
    }
  });
}
