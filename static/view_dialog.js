// The open dialog: its history, growing at both ends, and the read marks that follow the reader's
// eye.

import { $, avatar_show, el, icon, rows_show, sight_watch, text_show } from './dom.js';
import { dialog_read, history_get, history_load, user_get } from './load.js';
import { outbox, outbox_drop, outbox_retry } from './outbox.js';
import { state, state_on_change, state_touch } from './state.js';
import {
    text, text_about, text_clock, text_count, text_day, text_full, text_name,
} from './text.js';
import { view_composer_show } from './view_composer.js';

const NEAR_PX = 60;             // this close to the end counts as the end
const TOGETHER_MS = 300000;     // messages of one person within this time stand closer

let peer_id = null;
let history = null;             // what was shown last, to tell a new dialog or a reloaded history
let mark = null;  // the id after which messages were unread when the dialog was opened
let drawn = false;              // its newest page has been on the screen
let at_end = true;

export function view_dialog_init() {
    state_on_change(view_dialog_show);
    const scroller = $('scroller');
    scroller.addEventListener('scroll', () => {
        at_end = end_is_near();
        end_mark();
    }, { passive: true });
    for (const kind of ['focus', 'visibilitychange', 'pageshow'])
        addEventListener(kind, end_mark, { capture: true });
    new ResizeObserver(() => { if (at_end) end_show(); }).observe(scroller);
    sight_watch($('older'), scroller, older_load);
    $('older').addEventListener('click', older_load);
    $('to-end').addEventListener('click', () => {
        end_show();
        $('body').focus();
    });
    $('messages').addEventListener('click', (event) => {
        const button = event.target.closest('button');
        if (button?.dataset.retry) outbox_retry(button.dataset.retry);
        if (button?.dataset.discard) outbox_drop(button.dataset.discard);
    });
}

// Shows the dialog with that person, or none for null.
export function view_dialog_peer(id) {
    peer_id = id;
    history = null;
    state_touch();
}

/* ---- where the reader stands ---- */

function end_is_near() {
    const { scrollHeight, scrollTop, clientHeight } = $('scroller');
    return scrollHeight - scrollTop - clientHeight < NEAR_PX;
}

function end_show() {
    at_end = true;
    $('scroller').scrollTop = $('scroller').scrollHeight;
}

function unread_ids() {
    const upto = state.dialogs.get(peer_id)?.read_upto ?? 0;
    return history.list.filter((m) => m.sender_id === peer_id && m.id > upto).map((m) => m.id);
}

// What stands at the end of a visible and focused page has been read.
function end_mark() {
    if (!history?.loaded || peer_id === null || !state.me) return;
    const unread = peer_id === state.me.id ? [] : unread_ids();
    $('to-end').hidden = at_end;
    text_show($('to-end-count'), text_count(unread.length));
    if (unread.length && at_end && document.visibilityState === 'visible' && document.hasFocus())
        dialog_read(peer_id, unread.at(-1));
}

async function older_load() {
    return Boolean(history?.loaded) && history_load(history);
}

/* ---- rows ---- */

function message_row(m, mine, peer_read_upto) {
    const deleted = Boolean(m.deleted_at);
    const signed = mine && !deleted && m.recipient_id !== m.sender_id;
    const read = m.id <= peer_read_upto ? 'read' : 'sent';
    return {
        key: mine && m.client_id ? `c${m.client_id}` : `m${m.id}`,
        kind: 'message', mine, deleted, at: m.sent_at, sign: signed ? read : '',
        body: deleted ? text('message_deleted') : m.body, edited: Boolean(m.edited_at) && !deleted,
    };
}

function outbox_row(item) {
    const { client_id, body, at, status: sign, title } = item;
    return { key: `c${client_id}`, kind: 'message', mine: true, at, body, sign, title, client_id };
}

// The messages and what is on its way, with the days and the beginning of the unread between them.
function messages_rows() {
    const read_upto = state.dialogs.get(peer_id)?.peer_read_upto ?? 0;
    const rows = [];
    let last = null;
    let marked = mark === null;
    const add = (row, id) => {
        const day = text_day(row.at);
        const new_day = day !== last?.day;
        if (new_day) rows.push({ key: `d${row.key}`, kind: 'day', body: day });
        const first_unread = !marked && id > mark && !row.mine;
        if (first_unread) rows.push({ key: 'unread', kind: 'unread', body: text('unread_here') });
        marked = marked || first_unread;
        row.follows = !new_day && !first_unread && last.mine === row.mine
            && Date.parse(row.at) - Date.parse(last.at) < TOGETHER_MS;
        rows.push(row);
        last = { day, mine: row.mine, at: row.at };
    };
    const keys = new Set();
    for (const m of history.list) {
        const row = message_row(m, m.sender_id === state.me.id, read_upto);
        keys.add(row.key);
        add(row, m.id);
    }
    for (const row of outbox.filter((item) => item.peer_id === peer_id).map(outbox_row))
        if (!keys.has(row.key)) add(row);
    return rows;
}

function message_fill(node, row) {
    if (row.kind !== 'message') {
        node.className = `divider divider-${row.kind}`;
        return node.replaceChildren(el('span', {}, row.body));
    }
    node.className = 'message';
    node.classList.toggle('is-mine', row.mine);
    node.classList.toggle('is-deleted', Boolean(row.deleted));
    node.classList.toggle('is-follow', row.follows);
    const foot = el('span', { class: 'foot' },
        row.edited && `${text('edited')} · `,
        el('time', { dateTime: row.at, title: text_full(row.at) }, text_clock(row.at)),
        row.sign && icon(row.sign));
    const body = el('span', { class: 'text', dir: 'auto' }, row.body);
    node.replaceChildren(el('div', { class: 'bubble' }, body, foot));
    if (row.sign !== 'failed') return;
    const button = (does, key) =>
        el('button', { type: 'button', class: 'quiet', dataset: { [does]: key } }, text(does));
    node.append(el('div', { class: 'trouble' },
        el('span', { class: 'error' }, text('failed', row.title)),
        button('retry', row.client_id), button('discard', row.client_id)));
}

/* ---- the whole ---- */

function header_show(user, saved) {
    avatar_show($('talk-avatar'), user, saved);
    text_show($('talk-name'), text_name(user, saved));
    const typing = state.typing.has(user.id) && text('typing');
    text_show($('talk-status'), state.notice || typing || text_about(user, saved));
}

function note_of(user, saved) {
    if (user.missing) return text('talk_missing');
    if (history.problem) return history.problem.title;
    if (!history.loaded) return text('loading');
    if (history.list.length || outbox.some((item) => item.peer_id === peer_id)) return '';
    return text(saved ? 'saved_empty' : 'talk_empty');
}

// Draws the messages and keeps the reader where they were: at the end, or, while older ones are put
// in above, as far from it as before (`below`).
function messages_show(below) {
    const scroller = $('scroller');
    const list = $('messages');
    const oldest = list.firstElementChild?.dataset.key;
    const newest = list.lastElementChild?.dataset.key;
    const rows = messages_rows();
    rows_show(list, rows, () => el('li'), message_fill);
    const sent = rows.at(-1)?.sign === 'pending' && rows.at(-1).key !== newest;
    const divider = !drawn && list.querySelector('.divider-unread');
    if (divider) {
        divider.scrollIntoView({ block: 'start' });
        at_end = end_is_near();
    } else if (!drawn || at_end || sent) {
        end_show();
    } else if (list.firstElementChild?.dataset.key !== oldest) {
        scroller.scrollTop = scroller.scrollHeight - below;
    }
    drawn = true;
}

function view_dialog_show() {
    const open = peer_id !== null && state.me !== null;
    $('talk-open').hidden = !open;
    $('talk-none').hidden = open;
    if (!open) return;
    const user = user_get(peer_id);
    const saved = peer_id === state.me.id;
    header_show(user, saved);
    view_composer_show(peer_id, user);
    if (!state.ready) return;
    if (history_get(peer_id) !== history) {
        history = history_get(peer_id);
        $('messages').replaceChildren();
        drawn = false;
        mark = null;
    }
    if (history.loaded && !drawn && unread_ids().length)
        mark = state.dialogs.get(peer_id)?.read_upto ?? 0;
    $('log').setAttribute('aria-busy', String(history.loading));
    const below = $('scroller').scrollHeight - $('scroller').scrollTop;
    $('older').hidden = !history.loaded || !history.next;
    text_show($('talk-note'), note_of(user, saved));
    if (history.loaded) messages_show(below);
    end_mark();
}
