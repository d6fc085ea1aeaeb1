// Messages on their way out. Each is kept by the browser before its first try and has the same
// client_id in every try, so it is neither lost by a reload, a crash or a cut, nor posted twice.
// The leading tab sends, one after the other; all tabs show the same.

import { api_call } from './api.js';
import { message_put, state, state_touch } from './state.js';
import { store_all, store_delete, store_put } from './store.js';
import { tabs_account_is, tabs_leads, tabs_tell } from './tabs.js';
import { uuid_new, wait_again } from './wait.js';

// {client_id, peer_id, body, at, made, status: 'pending' | 'failed', code, title}, oldest first
export let outbox = [];

const unkept = new Set();       // client_ids that wait for the store, and must not be sent before
const dropped = new Set();      // client_ids that are done with, whatever somebody still tells
let made = 0;
let running = null;             // whose messages are being sent

function item_put(item) {
    if (dropped.has(item.client_id)) return;
    outbox = outbox.filter((one) => one.client_id !== item.client_id);
    outbox.push(item);
    outbox.sort((a, b) => a.made - b.made);
    state_touch();
}

function item_drop(client_id) {
    const known = outbox.some((one) => one.client_id === client_id);
    outbox = outbox.filter((one) => one.client_id !== client_id);
    dropped.add(client_id);
    if (known) state_touch();
    return known;
}

// Takes up what is kept for the account whose store is open.
export async function outbox_begin() {
    const { me } = state;
    const kept = await store_all('outbox');
    if (state.me === me) kept.forEach(item_put);
}

// Forgets it here only: the same person finds it again after logging in.
export function outbox_end() {
    outbox = [];
}

async function outbox_keep(item) {
    unkept.add(item.client_id);
    item_put(item);
    await store_put('outbox', item);
    unkept.delete(item.client_id);
    tabs_tell({ kind: 'outbox', item });
    outbox_run();
}

export function outbox_add(peer_id, body) {
    made = Math.max(Date.now(), made + 1);
    const at = new Date(made).toISOString();
    return outbox_keep({ client_id: uuid_new(), peer_id, body, at, made, status: 'pending' });
}

export function outbox_retry(client_id) {
    const item = outbox.find((one) => one.client_id === client_id);
    if (item) outbox_keep({ ...item, status: 'pending' });
}

// Forgets one: the person gave it up, or it has arrived as `message`.
export function outbox_drop(client_id, message) {
    if (!item_drop(client_id)) return;
    store_delete('outbox', client_id);
    tabs_tell({ kind: 'outbox', client_id, message });
}

// What another tab says it did.
export function outbox_hear({ item, client_id, message }) {
    if (message) message_put(message);
    if (item) item_put(item);
    else item_drop(client_id);
    outbox_run();
}

function outbox_next(me) {
    if (state.me !== me || !tabs_leads() || !tabs_account_is(me.id)) return null;
    return outbox.find((item) => item.status === 'pending' && !unkept.has(item.client_id));
}

// Sends what waits, where this tab leads.
export async function outbox_run() {
    const { me } = state;
    if (!me || running === me) return;
    running = me;
    let tries = 0;
    for (let item; (item = outbox_next(me));) {
        const { peer_id, client_id, body } = item;
        try {
            const path = `/dialogs/${peer_id}/messages`;
            const { message } = await api_call('POST', path, { client_id, body });
            if (state.me !== me) break;
            tries = 0;
            message_put(message);
            outbox_drop(client_id, message);
        } catch (problem) {
            if (state.me !== me || problem.status === 401) break;
            const { code, title } = problem;
            if (problem.passing) await wait_again(tries++, problem);
            else await outbox_keep({ ...item, status: 'failed', code, title });
        }
    }
    if (running === me) running = null;
}
