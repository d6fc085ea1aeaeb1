// What this browser keeps for one account, in a database of the account's own: messages on their
// way (`outbox`), what was typed (`drafts`), and the newest batches of events with the cursors
// between them. A browser that refuses is no trouble: nothing is kept then, and the modules go on
// with what they hold in memory.

import { wait } from './wait.js';

const OPEN_MS = 2000;           // some browsers never answer
const BATCHES = 100;

let db = null;

function stores_make(made) {
    made.createObjectStore('outbox', { keyPath: 'client_id' });
    made.createObjectStore('drafts', { keyPath: 'peer_id' });
    made.createObjectStore('batches', { autoIncrement: true }).createIndex('from', 'from');
}

function db_name(user_id) {
    return `perch-${user_id}`;
}

function db_open(name) {
    return new Promise((done) => {
        const request = indexedDB.open(name, 1);
        request.addEventListener('upgradeneeded', () => stores_make(request.result));
        request.addEventListener('success', () => done(request.result));
        request.addEventListener('error', () => done(null));
    });
}

export async function store_open(user_id) {
    store_close();
    const opened = await Promise.race([db_open(db_name(user_id)), wait(OPEN_MS)]).catch(() => null);
    store_close();
    db = opened ?? null;
    db?.addEventListener('versionchange', store_close);     // another tab forgets it
}

export function store_close() {
    db?.close();
    db = null;
}

// Deletes what is kept for that account, in all tabs.
export function store_forget(user_id) {
    store_close();
    return new Promise((done) => {
        const request = indexedDB.deleteDatabase(db_name(user_id));
        for (const kind of ['success', 'error', 'blocked']) request.addEventListener(kind, done);
    }).catch(() => {});
}

// Runs `work(store)` in a transaction of its own; what its request brought once that is kept,
// undefined where it could not be.
function store_do(kind, mode, work) {
    return new Promise((done) => {
        const action = db.transaction(kind, mode);
        const request = work(action.objectStore(kind));
        action.addEventListener('complete', () => done(request.result));
        action.addEventListener('abort', () => done());
    }).catch(() => {});
}

export async function store_all(kind) {
    return await store_do(kind, 'readonly', (store) => store.getAll()) ?? [];
}

export function store_put(kind, value) {
    return store_do(kind, 'readwrite', (store) => store.put(value));
}

export function store_delete(kind, key) {
    return store_do(kind, 'readwrite', (store) => store.delete(key));
}

// Keeps {from, cursor, events}, and the newest ones of those before it.
export function store_batch(batch) {
    return store_do('batches', 'readwrite', (store) => {
        const request = store.add(batch);
        request.addEventListener('success', () =>
            store.delete(IDBKeyRange.upperBound(request.result - BATCHES)));
        return request;
    });
}

// They are of no use to who comes back later, and hold what others wrote.
export function store_batches_drop() {
    if (db) store_do('batches', 'readwrite', (store) => store.clear());
}

// The batch that goes on from that cursor.
export function store_batch_from(cursor) {
    return store_do('batches', 'readonly', (store) => store.index('from').get(cursor));
}
