// One JSON object in, one out: {"do": "seal"|"open"|"sign", ...} by the vendor's own library.
const { getSignature, getJsApiSignature, encrypt, decrypt } = require("@wecom/crypto");

const read = () =>
  new Promise((done) => {
    let text = "";
    process.stdin.on("data", (part) => (text += part)).on("end", () => done(JSON.parse(text)));
  });

read().then((given) => {
  if (given.do === "seal") {
    const encrypted = encrypt(given.key, given.text, given.id);
    const signature = getSignature(given.token, given.timestamp, given.nonce, encrypted);
    console.log(JSON.stringify({ encrypted, signature }));
  } else if (given.do === "sign") {
    console.log(JSON.stringify(getJsApiSignature(given)));
  } else {
    const { message, id } = decrypt(given.key, given.encrypted);
    const signature = getSignature(given.token, given.timestamp, given.nonce, given.encrypted);
    console.log(JSON.stringify({ message, id, signature }));
  }
});
