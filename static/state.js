// What this page knows: the people, the dialogs with their counts and histories. Views read it and
// never write it. It speaks to nobody: replies (load.js) and events feed it in any order, so all of
// it may be told twice.

const UNREAD_MOST = 100;        // the server counts so far, too

export const state = {
    me: null,               // the user whose session this is
    settings: null,         // theirs, as GET /me has them
    ready: false,           // the dialogs are loaded and the poll stands at their cursor
    notice: '',             // what is wrong at the moment, in words
    users: new Map(),       // id → user
    dialogs: new Map(),     // peer id → what dialog_ensure() begins
    typing: new Map(),      // peer id → the timer of the end of it
    histories: new Map(),   // peer id → a run of its messages: history_new()
};

const listeners = [];
let touched = false;

export function state_on_change(fn) {
    listeners.push(fn);
}

// Says that something changed; the views are told once for all changes of one turn.
export function state_touch() {
    if (touched) return;
    touched = true;
    queueMicrotask(() => {
        touched = false;
        listeners.forEach((fn) => fn());
    });
}

export function state_begin(me, settings = null) {
    Object.assign(state, { me, settings, ready: false, notice: '' });
    state.typing.forEach(clearTimeout);
    for (const map of [state.users, state.dialogs, state.typing, state.histories]) map.clear();
    if (me) user_put(me);
    state_touch();
}

// Takes what the server says of the person here; `me` stays the same object as long as they do.
export function settings_put({ user, settings }) {
    Object.assign(state.me, user);
    state.settings = settings;
    user_put(user);
}

export function user_put(user) {
    state.users.set(user.id, { ...state.users.get(user.id), ...user });
    state_touch();
}

/* ---- dialogs ---- */

// `listed`: the server told of it, and not an event alone. `counted`: up to this message id `unread` takes them in. `uncertain`: something happened among
// those that nobody can count from here; load.js looks.
export function dialog_ensure(peer_id) {
    let dialog = state.dialogs.get(peer_id);
    if (!dialog) {
        dialog = {
            peer_id, listed: false, last: null, unread: 0, counted: 0, uncertain: false,
            read_upto: 0, peer_read_upto: 0, muted_until: null,
        };
        state.dialogs.set(peer_id, dialog);
    }
    return dialog;
}

// Takes a dialog as the server lists it.
export function dialog_put({ peer, last_message, unread, read_upto, peer_read_upto, muted_until }) {
    user_put(peer);
    const dialog = dialog_ensure(peer.id);
    dialog.read_upto = Math.max(dialog.read_upto, read_upto || 0);
    dialog.peer_read_upto = Math.max(dialog.peer_read_upto, peer_read_upto || 0);
    dialog.muted_until = muted_until;
    const counted = last_message?.id ?? 0;
    const first = !dialog.listed;
    dialog.listed = true;
    if (!(dialog.last?.id > counted)) Object.assign(dialog, { last: last_message, unread, counted });
    else if (first) dialog.uncertain = !dialog_recount(peer.id);    // an event was faster
}

// Moves the caller's own mark, which never goes back; answers whether it moved.
export function dialog_mark(peer_id, upto) {
    const dialog = dialog_ensure(peer_id);
    if (upto <= dialog.read_upto) return false;
    dialog.read_upto = upto;
    if (upto >= (dialog.last?.id ?? 0)) Object.assign(dialog, { unread: 0, uncertain: false });
    else dialog.uncertain = !dialog_recount(peer_id);
    state_touch();
    return true;
}

// Whether the dialog is muted at the moment.
export function dialog_is_muted({ muted_until }) {
    return muted_until === 'forever' || Date.parse(muted_until) > Date.now();
}

// Counts what is unread, to a hundred; answers whether the history reaches back far enough to know.
export function dialog_recount(peer_id) {
    const { loaded, from, upto, list } = state.histories.get(peer_id) ?? {};
    const dialog = dialog_ensure(peer_id);
    if (!loaded || upto !== Infinity) return false;
    const is_unread = (m) => m.sender_id === peer_id && m.recipient_id !== peer_id
        && m.id > dialog.read_upto && !m.deleted_at;
    const unread = Math.min(list.filter(is_unread).length, UNREAD_MOST);
    if (from > dialog.read_upto && unread < UNREAD_MOST) return false;
    Object.assign(dialog, { unread, uncertain: false });
    return true;
}

/* ---- messages ---- */

// Whether `message` is a later state than `known` of the same message, or of the same age.
function message_is_newer(message, known) {
    const age = (m) => (m.deleted_at ? '~' : m.edited_at || '');
    return message.id === known.id && age(message) >= age(known);
}

// Takes a message from wherever it came: new, edited, deleted, or known already.
export function message_put(message) {
    const mine = message.sender_id === state.me.id;
    const peer_id = mine ? message.recipient_id : message.sender_id;
    const dialog = dialog_ensure(peer_id);
    const { last } = dialog;
    if (!last || message.id > last.id || message_is_newer(message, last)) dialog.last = message;
    const history = state.histories.get(peer_id);
    if (history) history_put(history, message);
    const counts = !mine && message.id > dialog.read_upto;
    if (counts && message.id > dialog.counted)
        dialog.unread = Math.min(dialog.unread + (message.deleted_at ? 0 : 1), UNREAD_MOST);
    else if (counts && message.deleted_at)
        dialog.uncertain = !dialog_recount(peer_id);
    if (!mine) dialog.counted = Math.max(dialog.counted, message.id);
    state_touch();
}

/* ---- histories ---- */

// An unbroken run of a dialog's messages, none yet: those of ids `from` to `upto`, which are 0 and
// Infinity where it reaches the beginning and the newest. A message beyond is left out, but kept in
// `late` while a page is on its way that may reach up to it.
export function history_new(peer_id) {
    return {
        peer_id, list: [], from: Infinity, upto: 0, late: [],
        loading: false, loaded: false, problem: null,
    };
}

// Puts a message where its id wants it.
export function history_put(history, message) {
    const { list } = history;
    if (message.id < history.from || message.id > history.upto) {
        if (history.loading) history.late.push(message);
        return;
    }
    let at = list.length;
    while (at > 0 && list[at - 1].id >= message.id) at--;
    if (list[at]?.id !== message.id) list.splice(at, 0, message);
    else if (message_is_newer(message, list[at])) list[at] = message;
}

// Takes a page that adjoins the run, after which it reaches from `from` upto `upto`.
export function history_extend(history, messages, { from = history.from, upto = history.upto }) {
    Object.assign(history, { from, upto });
    messages.forEach((message) => history_put(history, message));
    const { late } = history;
    history.late = [];
    late.forEach((message) => history_put(history, message));
}

/* ---- events ---- */

export function event_apply(event) {
    switch (event.type) {
    case 'message.new':
    case 'message.edited':
    case 'message.deleted':
        return message_put(event.message);
    case 'dialog.read':
        return dialog_mark(event.peer_id, event.upto);
    case 'peer.read': {
        const dialog = dialog_ensure(event.peer_id);
        dialog.peer_read_upto = Math.max(dialog.peer_read_upto, event.upto);
        return state_touch();
    }
    case 'dialog.muted':
        dialog_ensure(event.peer_id).muted_until = event.muted_until;
        return state_touch();
    case 'presence':
        if (state.users.has(event.id)) {
            const { id, online, active, last_seen_at } = event;
            user_put({ id, online, active, last_seen_at });
        }
        return;
    case 'user':
        return user_put(event.user);
    }
}
