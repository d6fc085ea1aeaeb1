// What draws the eye and the ear: the title, the icon, notifications of the browser and a sound.

import { dialog_is_muted, state } from './state.js';
import { text, text_count, text_name } from './text.js';
import { wait } from './wait.js';

const KEPT = 'perch.alert.';
const BEEP_S = 0.18;
const BEEP_EVERY_MS = 1000;
const READ_MS = 700;        // in which another tab may say that a message has been read

let beeped_at = -BEEP_EVERY_MS;
let shown = -1;             // the unread messages that title and icon tell of

function alert_is_possible(name) {
    return name !== 'notify' || (globalThis.Notification && isSecureContext);
}

// Whether this browser shows notifications ('notify') or makes sounds ('sound').
export function alert_setting(name) {
    try {
        if (localStorage.getItem(KEPT + name) !== 'on') return false;
    } catch {
        return false;
    }
    return name !== 'notify' || (alert_is_possible(name) && Notification.permission === 'granted');
}

// Switches it; answers the name of the sentence that says why it cannot be, if so. The browser asks
// the person only now.
export async function alert_setting_set(name, on) {
    if (on && !alert_is_possible(name)) return 'notify_none';
    if (on && name === 'notify' && await Notification.requestPermission() !== 'granted')
        return 'notify_denied';
    try {
        localStorage.setItem(KEPT + name, on ? 'on' : 'off');
    } catch {
        return 'notify_none';
    }
    if (on && name === 'sound') alert_beep();
    return '';
}

// Says in title and icon how many messages are unread.
export function alert_unread(count) {
    if (count === shown) return;
    shown = count;
    document.title = count ? `(${text_count(count)}) Perch` : 'Perch';
    const icon = document.querySelector('link[rel="icon"]');
    icon.href = count ? alert_icon(text_count(count)) : 'favicon.svg';
}

// The icon with a number in its corner.
function alert_icon(label) {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 64;
    const pen = canvas.getContext('2d');
    pen.fillStyle = '#0f766e';
    pen.beginPath();
    pen.roundRect(0, 0, 64, 64, 16);
    pen.fill();
    pen.fillStyle = '#fff';
    pen.font = `bold ${label.length > 2 ? 30 : 42}px sans-serif`;
    pen.textAlign = 'center';
    pen.textBaseline = 'middle';
    pen.fillText(label, 32, 35);
    return canvas.toDataURL();
}

// Whether nobody needs to be told of the message: muted, or read, here or in another tab.
function alert_is_idle(message) {
    const dialog = state.dialogs.get(message.sender_id);
    if (!dialog || dialog_is_muted(dialog) || message.id <= dialog.read_upto) return true;
    return document.visibilityState === 'visible' && document.hasFocus()
        && location.hash === `#/with/${message.sender_id}`;
}

// A message has come: draws attention to it, unless it is before the reader's eyes or muted.
export async function alert_message(message) {
    const { me } = state;
    if (message.sender_id === me.id || message.deleted_at || alert_is_idle(message)) return;
    const [notify, sound] = ['notify', 'sound'].map(alert_setting);
    if (!notify && !sound) return;
    await wait(READ_MS);
    if (state.me !== me || alert_is_idle(message)) return;
    if (sound) alert_beep();
    if (!notify || message.id < state.dialogs.get(message.sender_id).counted) return;
    const user = state.users.get(message.sender_id);
    const title = user ? text_name(user, false) : text('alert_new');
    const tag = `perch-${message.sender_id}`;
    try {
        const notification = new Notification(title, { body: message.body, tag, renotify: true });
        notification.addEventListener('click', () => {
            notification.close();
            focus();
            location.hash = `#/with/${message.sender_id}`;
        });
    } catch { /* a phone's browser wants a service worker, which there is not */ }
}

function alert_beep() {
    if (performance.now() - beeped_at < BEEP_EVERY_MS) return;
    beeped_at = performance.now();
    const audio = new AudioContext();
    const tone = audio.createOscillator();
    const gain = audio.createGain();
    tone.frequency.value = 660;
    gain.gain.setValueAtTime(0.08, audio.currentTime);
    gain.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + BEEP_S);
    tone.connect(gain).connect(audio.destination);
    tone.addEventListener('ended', () => audio.close());
    tone.start();
    tone.stop(audio.currentTime + BEEP_S);
}
