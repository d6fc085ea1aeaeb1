// Which tab of a browser speaks with the server for an account, and what the tabs tell each other.
//
// One tab leads: it has a lock, polls, and sends; when it is gone the browser gives the lock to the
// next in line. A frozen tab keeps its lock, though: so a tab that is looked at asks for a sign of
// life, and takes the lock where none comes. Over plain http there are no locks: every tab leads.

import { uuid_new } from './wait.js';

const ASK_MS = 500;
const SILENT_MS = 1300;         // without a sign of life, a leader is taken to be frozen
const BELIEVED_MS = 5000;       // so long a tab that is looked at, and so asks, counts as active
const ACCOUNT = 'perch.account';

const own = uuid_new();
const others = new Map();       // other tabs, id → {active: somebody is there, at: heard when}
let to = null;                  // {lead(yes), hear(message), others()}
let channel = null;
let name = '';
let leads = false;
let wanted = null;              // the AbortController of the lock, had or waited for
let active = false;
let poll = uuid_new();          // how polls name this browser: the next leader goes on with it
let left = false;               // the page is going away, and says nothing any more
let heard_at = 0;
let ticked_at = 0;

setInterval(leader_watch, ASK_MS);
addEventListener('pageshow', (event) => {
    left = false;
    if (event.persisted) tabs_say('hello');
});

export function tabs_begin(user_id, on) {
    tabs_end();
    to = on;
    name = `perch-${user_id}`;
    heard_at = performance.now();
    try {
        localStorage.setItem(ACCOUNT, user_id);
    } catch { /* then nobody knows */ }
    channel = new BroadcastChannel(name);
    channel.addEventListener('message', (message) => tabs_hear(message.data));
    tabs_say('hello');
    lock_want();
}

// Whose page was open here last and has not been left, if that can be known.
export function tabs_account() {
    try {
        return localStorage.getItem(ACCOUNT);
    } catch {
        return null;
    }
}

export function tabs_account_forget() {
    try {
        localStorage.removeItem(ACCOUNT);
    } catch { /* nothing is kept, then */ }
}

export function tabs_end() {
    tabs_tell({ kind: 'gone', tab: own });
    channel?.close();
    channel = null;
    others.clear();
    wanted?.abort();
    wanted = null;
    leads = false;
}

// Whether this tab is the one that polls and sends.
export function tabs_leads() {
    return leads;
}

// Whether the session in this browser is still that person's: with the cookie somebody else may
// have come in by another tab, of which this one has not heard yet. What cannot be known is
// believed.
export function tabs_account_is(user_id) {
    return [null, String(user_id)].includes(tabs_account());
}

export function tabs_tell(message) {
    if (!left) channel?.postMessage(message);
}

/* ---- who is there ---- */

function tabs_say(kind) {
    tabs_tell({ kind, tab: own, leads, active, poll });
}

function tabs_hear(message) {
    const { kind, tab } = message;
    const at = performance.now();
    if (kind === 'gone') others.delete(tab);
    else if (tab) others.set(tab, { active: message.active, at });
    else return to.hear(message);
    if (kind === 'hello') tabs_say('here');
    // A frozen page may hear this; its timers stand still, as do those of what it should do.
    if (kind === 'ask' && leads) setTimeout(tabs_say, 0, 'here');
    if (message.leads && !leads) {
        poll = message.poll;
        heard_at = at;
    }
    to.others();
}

// Says whether the person is active in this tab; answers whether they are in any.
export function tabs_active(here) {
    if (active !== here) {
        active = here;
        tabs_say('here');
    }
    const since = performance.now() - BELIEVED_MS;
    return here || Array.from(others.values()).some((other) => other.active && other.at > since);
}

// The name under which the leader polls; `anew` where another page has taken it.
export function tabs_poll(anew) {
    if (anew) poll = uuid_new();
    return poll;
}

// The page goes away. Answers whether nobody is left who would poll under its name.
export function tabs_leave() {
    const last = channel && (!navigator.locks || !others.size);
    tabs_tell({ kind: 'gone', tab: own });
    left = true;
    return last;
}

/* ---- who leads ---- */

function lead_set(yes) {
    if (leads === yes) return;
    leads = yes;
    if (leads) tabs_say('here');
    to.lead(leads);
}

// Waits for the lock, or takes it; then leads until it is taken away, and waits again.
async function lock_want(steal = false) {
    if (!navigator.locks) return lead_set(true);
    wanted?.abort();
    const mine = new AbortController();
    wanted = mine;
    const lead = () => new Promise((done) => {
        mine.signal.addEventListener('abort', done);
        if (mine.signal.aborted) done();
        else lead_set(true);
    });
    try {
        await navigator.locks.request(name, steal ? { steal } : { signal: mine.signal }, lead);
    } catch (trouble) {
        if (wanted === mine && trouble.name !== 'AbortError') return lead_set(true);
    }
    if (wanted !== mine) return;
    lead_set(false);
    lock_want();
}

// Times count only while this tab itself is awake and looked at.
function leader_watch() {
    const now = performance.now();
    const slept = now - ticked_at > 3 * ASK_MS;
    ticked_at = now;
    const watches = channel && !leads && document.visibilityState === 'visible';
    if (!watches || slept) heard_at = now;
    else if (now - heard_at > SILENT_MS) {
        heard_at = now;
        lock_want(true);
    }
    if (watches) tabs_say('ask');
}
