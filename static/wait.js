// Waiting before another try, and the random names that make another try harmless.

const FIRST_MS = 800;
const LONGEST_MS = 60000;
const JUMP_MS = 3000;

// Doubling, jittered so that many pages do not return in one second, never less than the server
// asked for.
function wait_ms(tries, problem) {
    const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(tries, 10));
    const own = full * (0.5 + Math.random() / 2);
    return Math.max(own, problem?.retry_ms ? problem.retry_ms + Math.random() * 1000 : 0);
}

const watchers = new Set();
let wall_at = Date.now();
let clock_at = performance.now();

// Calls `fn(cut)` when there is reason to try again at once: the person looks at the page; or the
// network is back or the machine has slept, and connections are dead (`cut`). Answers its end.
export function wait_watch(fn) {
    watchers.add(fn);
    return () => watchers.delete(fn);
}

function wake(cut) {
    for (const fn of Array.from(watchers)) fn(cut);
}

addEventListener('online', () => wake(true));
addEventListener('pageshow', (event) => { if (event.persisted) wake(true); });
document.addEventListener('resume', () => wake(true));
document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') wake(false);
});

// A machine that slept: the wall clock went on and the page's did not.
setInterval(() => {
    const wall = Date.now() - wall_at;
    const clock = performance.now() - clock_at;
    wall_at += wall;
    clock_at += clock;
    if (wall - clock > JUMP_MS) wake(true);
}, 1000);

// Sleeps; where `wakeful`, a reason to try at once ends the sleep early.
export function wait(ms, wakeful = false) {
    return new Promise((done) => {
        const end = () => {
            clearTimeout(timer);
            unwatch();
            done();
        };
        const timer = setTimeout(end, ms);
        const unwatch = wakeful ? wait_watch(end) : () => {};
    });
}

// A reason to try at once counts only where no server named a time.
export function wait_again(tries, problem) {
    return wait(wait_ms(tries, problem), !problem.retry_ms);
}

// A random UUID. crypto.randomUUID exists in secure contexts only, and http on a private network is
// not one.
export function uuid_new() {
    const bytes = Array.from(crypto.getRandomValues(new Uint8Array(16)));
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})/, '$1-$2-4$3-8$4-');
}
