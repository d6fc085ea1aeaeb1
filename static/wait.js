// Waiting before another try, and the random names that make another try harmless.

const FIRST_MS = 800;
const LONGEST_MS = 30000;

// How long to wait before try number `tries` + 1: doubling, jittered so that many pages do not
// return in one second, never less than the server asked for.
export function wait_ms(tries, problem) {
    const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(tries, 10));
    const own = full * (0.5 + Math.random() / 2);
    return Math.max(own, problem?.retry_ms ? problem.retry_ms + Math.random() * 1000 : 0);
}

// Sleeps; where `until_online`, the network's return ends the sleep early.
export function wait(ms, until_online = false) {
    return new Promise((done) => {
        const end = () => {
            clearTimeout(timer);
            removeEventListener('online', end);
            done();
        };
        const timer = setTimeout(end, ms);
        if (until_online) addEventListener('online', end);
    });
}

// Waits as a failed call asks for; the network's return counts only where no server named a time.
export function wait_again(tries, problem) {
    return wait(wait_ms(tries, problem), !problem.retry_ms);
}

// A random UUID. crypto.randomUUID exists in secure contexts only, and http on a private network is
// not one.
export function uuid_new() {
    if (crypto.randomUUID) return crypto.randomUUID();
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
