// Linking a Telegram chat: the code to begin with, who answered it, and the way back.

import { api_call } from './api.js';
import { $, el, text_show } from './dom.js';
import { state } from './state.js';
import { text, text_chat, text_clock } from './text.js';
import { view_notify_init, view_notify_show } from './view_notify.js';
import { wait_again } from './wait.js';

const BUTTONS = ['confirm', 'refuse', 'link', 'unlink'];

let link = null;         // what GET /me/telegram answered last
let offer = null;        // the code made here that nobody has used yet
let trouble = '';
let busy = false;
let asked = 0;           // counts questions and changes: an older answer than the last one is void

export function view_telegram_init() {
    view_notify_init();
    $('telegram-open').addEventListener('click', telegram_open);
    $('telegram-close').addEventListener('click', () => $('telegram').close());
    $('telegram').addEventListener('close', () => { offer = null; });
    $('telegram-link').addEventListener('click', () => telegram_do('POST', '/link', (reply) => {
        offer = reply;
    }));
    $('telegram-confirm').addEventListener('click', () => {
        telegram_do('POST', '/confirm', () => {}, { id: link.pending.id });
    });
    $('telegram-refuse').addEventListener('click', () => telegram_do('DELETE', '/pending'));
    $('telegram-unlink').addEventListener('click', () => telegram_do('DELETE', ''));
}

// Forgets the last person's link.
export function view_telegram_reset() {
    $('telegram').close();
    [link, offer, trouble, busy] = [null, null, '', false];
    telegram_show();
}

function telegram_open() {
    trouble = '';
    $('telegram').showModal();
    telegram_show();
    view_telegram_ask();
}

// Asks how things stand, until there is an answer. Events say when they have changed.
export async function view_telegram_ask() {
    const { me } = state;
    const mine = ++asked;
    const counts = () => mine === asked && state.me === me;
    for (let tries = 0; me && !busy && counts(); tries++) {
        try {
            const reply = await api_call('GET', '/me/telegram');
            if (counts()) telegram_take(reply);
            return;
        } catch (problem) {
            if (problem.status === 401) return;
            if (counts() && !link) {
                trouble = problem.title;
                telegram_show();
            }
            await wait_again(tries, problem);
        }
    }
}

// A code has served its turn when somebody asks with it, or the link is another.
function telegram_take(reply) {
    const turned = link && (link.linked !== reply.linked || link.username !== reply.username);
    if (reply.pending || turned) offer = null;
    if (!link) trouble = '';
    link = reply;
    telegram_show();
}

async function telegram_do(method, path, done = () => {}, body = undefined) {
    if (busy) return;
    const { me } = state;
    busy = true;
    asked++;
    trouble = '';
    try {
        const reply = await api_call(method, `/me/telegram${path}`, body);
        if (state.me !== me) return;
        offer = null;
        done(reply);
    } catch (problem) {
        if (state.me !== me) return;
        // Not found: another chat asks by now, or none, which is shown in a moment.
        if (problem.status !== 404) trouble = text('not_done', problem.title);
    }
    busy = false;
    telegram_show();
    view_telegram_ask();
}

/* ---- what is shown ---- */

// The beginning of a sentence: who, as elements that keep odd names from mixing with the rest.
function who_nodes(chat) {
    const [name, more] = text_chat(chat);
    return [el('strong', {}, el('bdi', {}, name)), ' ', more && el('bdi', {}, more), more && ' '];
}

function note_of() {
    if (!link) return [trouble ? '' : text('loading')];
    if (link.pending) {
        const replaces = link.linked && ` ${text('telegram_replaces')}`;
        return [...who_nodes(link.pending), text('telegram_pending'), replaces];
    }
    if (offer && link.bot) return [text('telegram_offer')];
    if (link.blocked) return [...who_nodes(link), text('telegram_blocked')];
    if (link.linked) return [...who_nodes(link), text('telegram_linked')];
    if (!link.bot) return [text('telegram_off')];
    if (!link.claim) return [text('telegram_none')];
    return [el('strong', {}, el('bdi', {}, link.claim)), ' ', text('telegram_claim', link.bot)];
}

// Which buttons make sense now.
function buttons_of() {
    if (!link) return [];
    if (link.pending) return ['confirm', 'refuse'];
    const makes = link.bot ? ['link'] : [];
    return link.linked && !offer ? [...makes, 'unlink'] : makes;
}

function offer_show(shown) {
    $('telegram-offer').hidden = !shown;
    text_show($('telegram-code'), shown && `/link ${offer.code}`);
    if (!shown) return $('telegram-url').removeAttribute('href');
    $('telegram-url').href = offer.url;
    const { size, path } = offer.qr;
    $('telegram-qr').setAttribute('viewBox', `0 0 ${size} ${size}`);
    $('telegram-qr').firstElementChild.setAttribute('d', path);
    text_show($('telegram-bot'), `@${offer.bot}`);
    text_show($('telegram-until'), text('telegram_until', text_clock(offer.expires_at)));
}

function link_label() {
    if (offer) return text('telegram_anew');
    return text(link?.linked ? 'telegram_other' : 'telegram_link');
}

function telegram_show() {
    const note = el('p', {}, ...note_of());
    if (note.textContent !== $('telegram-note').textContent)
        $('telegram-note').replaceChildren(...note.childNodes);
    offer_show(offer && link?.bot && !link.pending);
    text_show($('telegram-link'), link_label());
    const shown = buttons_of();
    for (const name of BUTTONS) {
        const button = $(`telegram-${name}`);
        button.hidden = !shown.includes(name);
        const leads = name === 'confirm' || (name === 'link' && !offer && !link?.linked);
        button.className = leads ? 'primary' : 'quiet';
    }
    text_show($('telegram-error'), trouble);
    view_notify_show(Boolean(link?.bot));
    $('telegram-count').hidden = !link?.pending;
    // Whoever stood on a button that is gone stands at the beginning.
    const stood = document.activeElement;
    if ($('telegram').open && !stood?.checkVisibility()) $('telegram-title').focus();
}
