// The search in what was said, here or in all dialogs: found messages, newest first, and the way to
// each.

import { api_call } from './api.js';
import { $, avatar_show, el, rows_show, sight_watch, text_show } from './dom.js';
import { found_parts } from './link.js';
import { user_get } from './load.js';
import { state, state_on_change, state_touch } from './state.js';
import { text, text_name, text_short } from './text.js';
import { wait } from './wait.js';

const PAGE = 30;
const TYPING_MS = 300;
const LEAD = 40;                // characters shown before the first word that was found

let found = null;               // {q, peer_id, list, next, loaded, loading, title}, or closed
let here = null;                // the peer in whose dialog it was opened
let everywhere = true;
let on_pick = () => {};

// `pick(peer_id, message_id)` goes to a message.
export function view_search_init(pick) {
    on_pick = pick;
    state_on_change(view_search_show);
    $('find-open').addEventListener('click', () => view_search_open(null));
    $('find-close').addEventListener('click', () => $('find').close());
    $('find').addEventListener('close', () => { found = null; });
    $('find-form').addEventListener('submit', (event) => {
        event.preventDefault();
        find();
    });
    $('find-q').addEventListener('input', async () => {
        const q = $('find-q').value;
        await wait(TYPING_MS);
        if (found && q === $('find-q').value && q.trim() !== found.q) find();
    });
    for (const [id, all] of [['find-here', false], ['find-all', true]])
        $(id).addEventListener('click', () => {
            everywhere = all;
            find();
        });
    $('find-more').addEventListener('click', () => find_load(found));
    sight_watch($('find-more'), $('find-list'), () => Boolean(found) && find_load(found));
    $('find-rows').addEventListener('click', (event) => {
        const { peer, id } = event.target.closest('button')?.dataset ?? {};
        if (!id) return;
        $('find').close();
        on_pick(Number(peer), Number(id));
    });
}

// Opens the search, in the dialog with that person or, for null, in all.
export function view_search_open(peer_id) {
    here = peer_id;
    everywhere = peer_id === null;
    $('find').showModal();
    $('find-q').select();
    find();
}

// Forgets what the last person here searched for.
export function view_search_reset() {
    $('find').close();
    $('find-q').value = '';
    $('find-rows').replaceChildren();
    found = null;
}

function find() {
    const q = $('find-q').value.trim();
    const peer_id = everywhere ? null : here;
    found = { q, peer_id, list: [], next: null, loaded: !q, loading: false, title: '' };
    $('find-list').scrollTop = 0;
    if (q) find_load(found);
    state_touch();
}

// Loads the next page; answers whether one came.
async function find_load(into) {
    if (into.loading || (into.loaded && !into.next)) return false;
    into.loading = true;
    const query = new URLSearchParams({ q: into.q, limit: PAGE });
    if (into.peer_id) query.set('peer', into.peer_id);
    if (into.next) query.set('after', into.next);
    try {
        const page = await api_call('GET', `/search?${query}`);
        into.list.push(...page.messages);
        Object.assign(into, { next: page.next, loaded: true, title: '' });
    } catch (problem) {
        into.title = problem.title;
    }
    into.loading = false;
    state_touch();
    return !into.title;
}

/* ---- what is shown ---- */

function row_of(m) {
    const mine = m.sender_id === state.me.id;
    const peer_id = mine ? m.recipient_id : m.sender_id;
    const saved = peer_id === state.me.id;
    const peer = user_get(peer_id);
    const name = text_name(peer, saved);
    const line = mine && !saved ? text('you', m.body) : m.body;
    return { key: m.id, peer_id, peer, saved, name, line, time: text_short(m.sent_at), q: found.q };
}

function row_fill(node, { key, peer_id, peer, saved, name, line, time, q }) {
    const parts = found_parts(line, q);
    const lead = parts[0].hit ? [] : Array.from(parts[0].text);
    if (parts.length > 1 && lead.length > LEAD) parts[0].text = `…${lead.slice(-LEAD).join('')}`;
    const words = parts.map((part) => (part.hit ? el('mark', {}, part.text) : part.text));
    const dataset = { peer: peer_id, id: key };
    node.replaceChildren(el('button', { type: 'button', class: 'row', dataset },
        avatar_show(el('span', { 'aria-hidden': 'true' }), peer, saved),
        el('span', { class: 'row-text' },
            el('span', { class: 'row-top' },
                el('span', { class: 'row-name', dir: 'auto' }, name),
                el('span', { class: 'dim' }, time)),
            el('span', { class: 'found dim', dir: 'auto' }, ...words))));
}

function note_of() {
    if (found.title) return found.title;
    if (!found.q) return text('find_hint');
    if (!found.loaded) return text('loading');
    return found.list.length ? '' : text('find_none');
}

function view_search_show() {
    if (!found || !state.me) return;
    $('find-where').hidden = here === null;
    $('find-here').setAttribute('aria-pressed', String(!everywhere));
    $('find-all').setAttribute('aria-pressed', String(everywhere));
    rows_show($('find-rows'), found.list.map(row_of), () => el('li'), row_fill);
    text_show($('find-note'), note_of());
    $('find-more').hidden = !(found.next || found.title);
}
