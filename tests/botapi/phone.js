// The phone's page: asks twice a second what there is to see, and does what a person would do. Text goes in as text only.

const PAUSE_MS = 500;
const MARKS = ["bold", "italic", "underline", "strikethrough", "code", "pre"];

const $ = (css) => document.querySelector(css);
const shown = new Map(); // of each part that was drawn: its JSON, so that it is drawn again only if it changed
let chosen = null; // the id of the chat that is open
let replyTo = null;
let answers = 0;

async function call(name, body = {}) {
    const headers = { "Content-Type": "application/json" };
    const reply = await fetch(`/_control/${name}`, { method: "POST", headers, body: JSON.stringify(body) });
    const result = await reply.json();
    if (!reply.ok) {
        throw new Error(result.error);
    }
    return result;
}

// What a person did: the notice says what came of it.
async function act(name, body) {
    try {
        notice("");
        return await call(name, body);
    } catch (error) {
        notice(error.message);
        return null;
    } finally {
        await look().catch(() => {});
    }
}

function notice(text) {
    $("#notice").textContent = text;
}

function make(tag, properties, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
}

function changed(part, value) {
    const json = JSON.stringify(value);
    const differs = shown.get(part) !== json;
    shown.set(part, json);
    return differs;
}

// Entities count in units of UTF-16, and so do strings here.
function marked(text, entities = []) {
    const cuts = new Set([0, text.length]);
    entities.forEach(({ offset, length }) => cuts.add(offset).add(offset + length));
    const places = [...cuts].sort((a, b) => a - b);
    return places.slice(1).map((end, i) => {
        const over = entities.filter((e) => e.offset <= places[i] && e.offset + e.length >= end);
        const classes = over.map((e) => e.type).filter((type) => MARKS.includes(type));
        return make("span", { className: classes.join(" ") }, text.slice(places[i], end));
    });
}

function drawChats(chats) {
    $("#chats").replaceChildren(...chats.map((chat) => {
        const name = [chat.first_name, chat.last_name].filter(Boolean).join(" ");
        const about = chat.username ? `@${chat.username}` : String(chat.id);
        const button = make("button", { type: "button" }, make("b", {}, name), make("small", {}, about));
        button.setAttribute("aria-current", chat.id === chosen);
        button.addEventListener("click", () => open(chat.id));
        return make("li", {}, button);
    }));
}

function drawButton(message, button) {
    const element = make("button", { type: "button" }, button.text + (button.url ? " ↗" : ""));
    element.addEventListener("click", async () => {
        const result = await act("press", { chat: chosen, message_id: message.message_id,
            button: button.callback_data ?? button.text });
        if (result?.url) {
            notice(`The button opens ${result.url}`);
        }
    });
    return element;
}

function drawMessage(message) {
    const mine = message.from.id === chosen;
    const quoted = message.reply_to_message;
    const media = message.sticker ? "[sticker]" : message.photo ? "[photo]" : "";
    const bubble = make("div", { className: "bubble", title: "Tap to reply" },
        quoted ? make("q", {}, quoted.text ?? "[media]") : "",
        make("p", {}, ...marked(message.text ?? media, message.entities)),
        make("small", {}, `${message.edit_date ? "edited " : ""}${new Date(message.date * 1000).toLocaleTimeString()}`));
    bubble.addEventListener("click", () => reply(message));
    const rows = (message.reply_markup?.inline_keyboard ?? []).map((row) =>
        make("div", { className: "row" }, ...row.map((button) => drawButton(message, button))));
    return make("li", { className: mine ? "mine" : "" }, bubble, ...rows);
}

function drawChat(chat) {
    const list = $("#messages");
    $("#about").textContent = [chat.first_name, chat.blocked && "blocked the bot", chat.action].filter(Boolean).join(" · ");
    $("#block").textContent = chat.blocked ? "Unblock" : "Block";
    $("#start").textContent = chat.blocked ? "Restart" : "Start";
    $("#block").hidden = !chat.started;
    $("#link").hidden = false;
    $("#say").hidden = !chat.started || chat.blocked;
    list.replaceChildren(...chat.messages.map(drawMessage));
    list.scrollTop = list.scrollHeight;
    if (chat.answers.length > answers) {
        notice(chat.answers.at(-1).text);
    }
    answers = chat.answers.length;
}

function open(id) {
    chosen = id;
    answers = Infinity; // old ones are not shown again
    reply(null);
    notice("");
    shown.clear();
    return look();
}

function reply(message) {
    replyTo = message?.message_id ?? null;
    $("#reply").hidden = !message;
    $("#reply span").textContent = message ? `Reply to: ${message.text ?? "[media]"}` : "";
    if (message) {
        $("#say input").focus();
    }
}

async function look() {
    const chats = await call("chats");
    if (chosen === null && chats.length) {
        chosen = chats[0].id;
        answers = Infinity;
    }
    if (changed("chats", [chats, chosen])) {
        drawChats(chats);
    }
    if (chosen !== null) {
        const chat = await call("chat", { chat: chosen });
        if (chat.id === chosen && changed("chat", chat)) {
            drawChat(chat);
        }
    }
}

function onSubmit(form, handler) {
    form.addEventListener("submit", async (event) => {
        event.preventDefault();
        if (await handler(Object.fromEntries([...new FormData(form)].filter(([, value]) => value)))) {
            form.reset();
        }
    });
}

async function say(name, content) {
    const sent = await act(name, { chat: chosen, ...content, ...(replyTo && { reply_to: replyTo }) });
    if (sent) {
        reply(null);
    }
    return sent;
}

onSubmit($("#person"), async (person) => {
    const chat = await act("make_chat", person);
    if (chat) {
        await open(chat.id);
    }
    return chat;
});
onSubmit($("#link"), ({ link }) => act("open", { chat: chosen, link: link ?? "" }));
onSubmit($("#say"), (content) => say("say", content));
$("#start").addEventListener("click", () => act("start", { chat: chosen }));
$("#block").addEventListener("click", ({ target }) =>
    act("block", { chat: chosen, blocked: target.textContent === "Block" }));
$("#reply button").addEventListener("click", () => reply(null));
document.querySelectorAll("[data-media]").forEach((button) =>
    button.addEventListener("click", () => say("send_media", { kind: button.dataset.media })));

async function run() {
    const { username } = await call("bot");
    $("#bot").textContent = document.title = `@${username}`;
    $("#link input").placeholder = `https://t.me/${username}?start=…`;
    for (;;) {
        await look().catch(() => notice("The stand-in does not answer."));
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
}
run();
