// Messages on their way out, one after the other. Each keeps its client_id through every try, so
// that a try whose answer was lost posts nothing twice. They outlive a reload of the page, not its
// closing.

import { api_call } from './api.js';
import { message_put, state, state_touch } from './state.js';
import { uuid_new, wait_again } from './wait.js';

const TRIES = 8;                // a minute or more, then the person decides

export let outbox = [];  // {client_id, peer_id, body, at, status: 'pending' | 'failed', tries, title}
let running = false;

function outbox_save() {
    try {
        const kept = { user_id: state.me?.id, items: outbox };
        sessionStorage.setItem('perch.outbox', JSON.stringify(kept));
    } catch { /* private windows may refuse; the messages then live as long as the page */ }
    state_touch();
}

// Takes up what a former load of the page left, if it was this person's.
export function outbox_begin() {
    outbox = [];
    try {
        const kept = JSON.parse(sessionStorage.getItem('perch.outbox'));
        if (kept?.user_id === state.me.id) outbox = kept.items;
    } catch { /* nothing kept */ }
    for (const item of outbox) Object.assign(item, { status: 'pending', tries: 0 });
    outbox_run();
}

// Forgets everything, for good.
export function outbox_clear() {
    outbox = [];
    outbox_save();
}

// Forgets it here only: the same person finds it again after logging in.
export function outbox_end() {
    outbox = [];
}

export function outbox_add(peer_id, body) {
    const at = new Date().toISOString();
    outbox.push({ client_id: uuid_new(), peer_id, body, at, status: 'pending', tries: 0 });
    outbox_save();
    outbox_run();
}

export function outbox_retry(client_id) {
    const item = outbox.find((one) => one.client_id === client_id);
    if (item) Object.assign(item, { status: 'pending', tries: 0 });
    outbox_save();
    outbox_run();
}

// Forgets one: its message has arrived, or the person gave it up.
export function outbox_drop(client_id) {
    const at = outbox.findIndex((one) => one.client_id === client_id);
    if (at < 0) return;
    outbox.splice(at, 1);
    outbox_save();
}

async function outbox_run() {
    if (running) return;
    running = true;
    for (let item; (item = outbox.find((one) => one.status === 'pending'));) {
        const { peer_id, client_id, body } = item;
        try {
            const path = `/dialogs/${peer_id}/messages`;
            const reply = await api_call('POST', path, { client_id, body });
            if (!outbox.includes(item)) continue;
            message_put(reply.message);
            outbox_drop(client_id);
        } catch (problem) {
            if (problem.status === 401) break;
            if (problem.passing && ++item.tries < TRIES) await wait_again(item.tries, problem);
            else Object.assign(item, { status: 'failed', title: problem.title });
            outbox_save();
        }
    }
    running = false;
}
