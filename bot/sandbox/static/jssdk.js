"use strict";
// Stands in for WeCom's own script inside the sandbox: the same names, promises and refusals.
(() => {
  const base = new URL("client/", document.currentScript.src).href;
  let ready = Promise.reject(new Error("register was not called"));
  ready.catch(() => {});

  async function post(path, body) {
    // the page may be another program's, on another port of this machine
    const answer = await fetch(base + path, { method: "POST", credentials: "include", body: JSON.stringify(body) });
    const found = await answer.json();
    if (!/:ok$/.test(found.errMsg)) throw Object.assign(new Error(found.errMsg), found);
    return found;
  }

  async function join(options) {
    const url = location.href.split("#")[0];
    const corp = await options.getConfigSignature(url);
    const app = options.getAgentConfigSignature ? await options.getAgentConfigSignature(url) : null;
    return post("register", { corpId: options.corpId, agentId: options.agentId, url, corp, app });
  }

  const call = (name) => async (params) => {
    await ready;
    return post("call", { name, params });
  };

  window.ww = {
    SDK_VERSION: "sandbox",
    env: { isWeCom: true, isWeChat: false },
    register(options) {
      ready = join(options);
      ready.then((found) => options.onAgentConfigSuccess && options.onAgentConfigSuccess(found),
        (error) => options.onAgentConfigFail && options.onAgentConfigFail(error));
    },
    getContext: call("getContext"),
    getCurExternalContact: call("getCurExternalContact"),
    getCurExternalChat: call("getCurExternalChat"),
    sendChatMessage: call("sendChatMessage"),
  };
})();
