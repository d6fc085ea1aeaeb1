// The side: one's chats, latest first, and everyone there is, with a search.

import { alert_unread } from './alert.js';
import { api_call } from './api.js';
import { $, avatar_show, el, icon, rows_show, sight_watch, text_show } from './dom.js';
import { user_get } from './load.js';
import { dialog_is_muted, state, state_on_change, state_touch, user_put } from './state.js';
import { text, text_about, text_count, text_name, text_presence, text_short } from './text.js';
import { wait } from './wait.js';

const PAGE = 50;
const TYPING_MS = 200;

let tab = 'chats';
let shown_peer = null;
let found = null;

function people_none() {
    return { q: '', sort: $('search-sort').value, ids: [], next: null, loaded: false, loading: false, title: '' };
}

export function view_people_init() {
    found = people_none();
    state_on_change(view_people_show);
    for (const name of ['chats', 'people'])
        $(`tab-${name}`).addEventListener('click', () => view_people_tab(name));
    $('search').addEventListener('submit', (event) => event.preventDefault());
    $('search-q').addEventListener('input', async () => {
        const q = $('search-q').value;
        await wait(TYPING_MS);
        if (q === $('search-q').value && q.trim() !== found.q) people_find(q.trim());
    });
    $('search-sort').addEventListener('change', () => people_find(found.q));
    $('rows-more').addEventListener('click', () => people_load(found));
    sight_watch($('rows-more'), $('rows').parentElement, () => people_load(found));
}

// Forgets what the last person here searched for.
export function view_people_reset() {
    $('search').reset();
    found = people_none();
    view_people_tab('chats');
}

// Marks the row of the open dialog; when it closes, the keyboard stands on that row.
export function view_people_peer(peer_id) {
    if (peer_id === null && shown_peer !== null)
        $('rows').querySelector(`[data-key="${shown_peer}"] a`)?.focus({ preventScroll: true });
    shown_peer = peer_id;
    state_touch();
}

// Shows one's chats or everyone.
export function view_people_tab(name) {
    tab = name;
    for (const one of ['chats', 'people'])
        $(`tab-${one}`).setAttribute('aria-pressed', String(one === name));
    $('search').hidden = name !== 'people';
    if (name === 'people' && state.me) people_find(found.q);
    state_touch();
}

function people_find(q) {
    found = { ...people_none(), q };
    people_load(found);
}

// Loads the next page; answers whether one came.
async function people_load(into) {
    if (tab !== 'people' || into.loading || (into.loaded && !into.next)) return false;
    into.loading = true;
    state_touch();
    const query = new URLSearchParams({ q: into.q, sort: into.sort, limit: PAGE });
    if (into.next) query.set('after', into.next);
    try {
        const page = await api_call('GET', `/users?${query}`);
        if (into !== found) return true;
        page.users.forEach(user_put);
        into.ids.push(...page.users.map((user) => user.id));
        Object.assign(into, { next: page.next, loaded: true, title: '' });
    } catch (problem) {
        into.title = problem.title;
    }
    into.loading = false;
    state_touch();
    return !into.title;
}

function row_of(id, dialog) {
    const user = user_get(id);
    const saved = id === state.me.id;
    const last = dialog?.last;
    const row = {
        key: id, user, saved, current: id === shown_peer, name: text_name(user, saved),
        muted: Boolean(dialog && dialog_is_muted(dialog)),
    };
    if (!last) return { ...row, time: '', line: text_about(user, saved), unread: '' };
    if (state.typing.has(id))
        return { ...row, time: '', line: text('typing'), unread: text_count(dialog.unread) };
    const body = last.deleted_at ? text('message_deleted') : last.body;
    const line = last.sender_id === state.me.id && !saved ? text('you', body) : body;
    return { ...row, time: text_short(last.sent_at), line, unread: text_count(dialog.unread) };
}

function row_create() {
    return el('li', {}, el('a', { class: 'row' }));
}

function row_fill(node, row) {
    const link = node.firstElementChild;
    link.href = `#/with/${row.key}`;
    if (row.current) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
    const badge = row.unread && el('span', { class: row.muted ? 'badge is-muted' : 'badge' }, row.unread,
        el('span', { class: 'unseen' }, text('unread')));
    link.replaceChildren(
        avatar_show(el('span', { 'aria-hidden': 'true' }), row.user, row.saved),
        el('span', { class: 'row-text' },
            el('span', { class: 'row-top' },
                el('span', { class: 'row-name', dir: 'auto' }, row.name),
                row.muted && icon('muted'),
                !row.saved && el('span', { class: 'unseen' }, text_presence(row.user)),
                el('span', { class: 'dim' }, row.time)),
            (row.line || badge) && el('span', { class: 'row-bottom' },
                el('span', { class: 'row-line dim', dir: 'auto' }, row.line), badge)));
}

function chats_rows() {
    const { id } = state.me;
    const others = Array.from(state.dialogs.values())
        .filter((dialog) => dialog.last && dialog.peer_id !== id);
    others.sort((a, b) => b.last.id - a.last.id);
    return [row_of(id, state.dialogs.get(id)),
        ...others.map((dialog) => row_of(dialog.peer_id, dialog))];
}

function people_rows() {
    const rows = found.ids.map((id) => row_of(id));
    return found.q ? rows : [row_of(state.me.id), ...rows];
}

function chats_note(rows) {
    if (!state.ready) return text('loading');
    return rows.some((row) => !row.saved) ? '' : text('chats_empty');
}

function people_note() {
    if (found.title) return found.title;
    if (!found.loaded) return text('loading');
    return found.ids.length ? '' : text(found.q ? 'people_none' : 'people_empty');
}

function view_people_show() {
    if (!state.me) return;
    const people = tab === 'people';
    $('rows').setAttribute('aria-label', text(tab));
    text_show($('me'), state.me.display_name);
    text_show($('notice'), state.notice);
    const rows = people ? people_rows() : chats_rows();
    rows_show($('rows'), state.ready ? rows : [], row_create, row_fill);
    text_show($('rows-note'), people ? people_note() : chats_note(rows));
    $('rows-more').hidden = !people || !(found.next || found.title);
    let unread = 0;
    for (const dialog of state.dialogs.values()) unread += dialog.unread;
    alert_unread(unread);
    text_show($('tab-chats-count'), people && text_count(unread));
}
