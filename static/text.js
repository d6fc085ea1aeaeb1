// What stands on the page in the language of its reader, and how times are written there. The tables
// have one name for each sentence; index.html names its own by data-text (the element's text),
// data-text-label, data-text-placeholder and data-text-title (its attributes).

import { table as en } from './text_en.js';
import { table as ru } from './text_ru.js';

const TABLES = { en, ru };
const ATTRIBUTES = { label: 'aria-label', placeholder: 'placeholder', title: 'title' };
const KEPT = 'perch.language';

let language = 'en';
let formats = {};

// The sentence of that name in the present language.
export function text(key, ...values) {
    const entry = TABLES[language][key] ?? en[key];
    return typeof entry === 'function' ? entry(...values) : entry;
}

// What went wrong in the words of the table; the server's own are English.
export function text_problem(code, title) {
    return TABLES[language][`error_${code}`] ?? title;
}

export function text_language() {
    return language;
}

// The language that was chosen in this browser, else the first of the browser's own that there is.
export function text_language_guess() {
    const wanted = [text_kept(), ...navigator.languages].map((one) => String(one).slice(0, 2));
    return wanted.find((one) => TABLES[one]) ?? 'en';
}

function text_kept() {
    try {
        return localStorage.getItem(KEPT);
    } catch {
        return null;    // a private window may refuse
    }
}

// Speaks that language from now on, in what stands on the page, too.
export function text_language_set(wanted) {
    language = TABLES[wanted] ? wanted : 'en';
    formats = {};
    document.documentElement.lang = language;
    try {
        localStorage.setItem(KEPT, language);
    } catch { /* then only for now */ }
    text_fill(document);
    for (const template of document.querySelectorAll('template')) text_fill(template.content);
}

// What the document says itself is English's own.
function text_fill(root) {
    for (const node of root.querySelectorAll('[data-text]')) {
        en[node.dataset.text] ??= node.textContent;
        node.textContent = text(node.dataset.text);
    }
    for (const [name, attribute] of Object.entries(ATTRIBUTES)) {
        for (const node of root.querySelectorAll(`[data-text-${name}]`)) {
            const key = node.getAttribute(`data-text-${name}`);
            en[key] ??= node.getAttribute(attribute);
            node.setAttribute(attribute, text(key));
        }
    }
}

const FORMATS = {
    clock: { hour: '2-digit', minute: '2-digit' },
    weekday: { weekday: 'short' },
    day: { day: 'numeric', month: 'long' },
    day_year: { dateStyle: 'long' },
    date: { dateStyle: 'short' },
    full: { dateStyle: 'medium', timeStyle: 'medium' },
};

// The browser's own variety of the language, where it has one: en-GB, say.
function text_time(name, date) {
    const locale = navigator.languages.find((one) => one.startsWith(language)) ?? language;
    formats[name] ??= new Intl.DateTimeFormat(locale, FORMATS[name]);
    return formats[name].format(date);
}

// How many midnights lie between that time and now.
function days_since(date) {
    const midnight = (d) => new Date(d.getFullYear(), d.getMonth(), d.getDate());
    return Math.round((midnight(new Date()) - midnight(date)) / 86400000);
}

export function text_clock(time) {
    return text_time('clock', new Date(time));
}

export function text_full(time) {
    return text_time('full', new Date(time));
}

// For lists: the clock today, the weekday this week, the date before.
export function text_short(time) {
    const date = new Date(time);
    const days = days_since(date);
    if (days <= 0) return text_time('clock', date);
    return text_time(days < 7 ? 'weekday' : 'date', date);
}

export function text_day(time) {
    const date = new Date(time);
    const days = days_since(date);
    if (days <= 0) return text('today');
    if (days === 1) return text('yesterday');
    const this_year = date.getFullYear() === new Date().getFullYear();
    return text_time(this_year ? 'day' : 'day_year', date);
}

// An unread count, of which there are none in words for nought; the server counts to a hundred.
export function text_count(count) {
    return count >= 100 ? '99+' : count ? String(count) : '';
}

// How a person, or the dialog with oneself, is called.
export function text_name(user, saved) {
    if (saved) return text('saved');
    return user.deleted ? text('deleted_user') : user.display_name;
}

// Whether they are here; empty when not.
export function text_presence(user) {
    if (!user.online) return '';
    return text(user.active === false ? 'idle' : 'online');
}

// What stands under that name: the unique one where it is another, and when they were here.
export function text_about(user, saved) {
    if (saved) return text('saved_hint');
    const name = user.username === user.display_name ? '' : user.username;
    const seen = user.last_seen_at ? text('seen', text_short(user.last_seen_at)) : '';
    return [name, text_presence(user) || seen].filter(Boolean).join(' · ');
}

// A Telegram chat in two parts: the @name, which nobody else can have, and the name, which anybody
// can choose; so it must not change the direction of what stands around it.
export function text_chat({ username, name }) {
    const plain = name?.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '');
    return [username ? `@${username}` : text('telegram_nameless'), plain ? `(${plain})` : ''];
}
