// The official SDK, connected to a given address: greets, answers by stream, pushes, uploads.
const { WSClient, generateReqId } = require("@wecom/aibot-node-sdk");

const [wsUrl, botId, secret] = process.argv.slice(2);
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const client = new WSClient({ botId, secret, wsUrl, logger: quiet, maxReconnectAttempts: 0 });
const say = (event, more = {}) => console.log(JSON.stringify({ event, ...more }));

client.on("authenticated", () => say("authenticated"));
client.on("event.enter_chat", (frame) =>
  client.replyWelcome(frame, { msgtype: "text", text: { content: "欢迎" } })
    .then(() => say("welcomed"), (error) => say("refused", { error })));
client.on("message.text", async (frame) => {
  say("text", { text: frame.body.text.content });
  try {
    const stream = generateReqId("stream");
    await client.replyStream(frame, stream, "正在查…", false);
    await client.replyStream(frame, stream, "可以这样回：收到", true);
    const chat = frame.body.chatid || frame.body.from.userid;
    await client.sendMessage(chat, { msgtype: "markdown", markdown: { content: "**推送**" } });
    const data = Buffer.alloc(700 * 1024, 7);
    const { media_id } = await client.uploadMedia(data, { type: "file", filename: "a.bin" });
    await client.replyMedia(frame, "file", media_id);
    say("answered", { media_id });
  } catch (error) {
    say("refused", { error: error.message || error });
  }
});
client.connect();
