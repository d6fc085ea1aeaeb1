// The menu at a button or under the pointer, and the question before something is done for good.

import { $, el, text_show } from './dom.js';
import { text } from './text.js';

const EDGE_PX = 8;

let opened_by = null;           // the element whose menu is open
let held = null;                // what had the focus before
let ask_run = null;             // what a yes does

export function view_menu_init() {
    $('menu').addEventListener('keydown', menu_key);
    $('ask-no').addEventListener('click', () => $('ask').close());
    $('ask-yes').addEventListener('click', ask_yes);
    addEventListener('pointerdown', ({ target }) => {
        if (opened_by && !$('menu').contains(target) && !opened_by.contains(target)) menu_close();
    }, { capture: true });
}

export function view_menu_is_open() {
    return opened_by !== null;
}

// Opens the menu below `opener` or at {x, y}; an open one of the same opener is closed. `items`:
// {text, run, bad} or false.
export function view_menu_open(items, opener, point) {
    const again = opened_by === opener && !point;
    menu_close();
    if (again) return;
    opened_by = opener;
    held = document.activeElement;
    const menu = $('menu');
    menu.replaceChildren(...items.filter(Boolean).map(item_node));
    menu.showPopover();
    const at = opener.getBoundingClientRect();
    const { x, y } = point ?? { x: at.right - menu.offsetWidth, y: at.bottom };
    const above = y + menu.offsetHeight > innerHeight - EDGE_PX;
    const top = above ? (point ? y : at.top) - menu.offsetHeight : y;
    menu.style.left = `${place(x, menu.offsetWidth, innerWidth)}px`;
    menu.style.top = `${place(top, menu.offsetHeight, innerHeight)}px`;
    menu.firstElementChild.focus();
}

function menu_close() {
    if (!opened_by) return;
    const focused = $('menu').contains(document.activeElement);
    $('menu').hidePopover();
    if (focused && held?.isConnected) held.focus({ preventScroll: true });
    opened_by = null;
}

function item_node(item) {
    const props = { type: 'button', role: 'menuitem', tabIndex: -1, class: item.bad && 'bad' };
    const button = el('button', props, item.text);
    button.addEventListener('click', () => {
        menu_close();
        item.run();
    });
    return button;
}

function place(at, size, room) {
    return Math.max(EDGE_PX, Math.min(at, room - size - EDGE_PX));
}

function menu_key(event) {
    const items = Array.from($('menu').children);
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === 'Tab' || event.key === 'Escape') menu_close();
    else if (to !== undefined) items.at(to % items.length).focus();
    else return;
    event.preventDefault();
}

// Asks `title`; a press of `does` runs `run`, whose failure is shown in place.
export function view_ask(title, does, run) {
    ask_run = run;
    text_show($('ask-title'), title);
    text_show($('ask-yes'), does);
    text_show($('ask-error'), '');
    $('ask').showModal();
    $('ask-no').focus();
}

async function ask_yes() {
    const run = ask_run;
    $('ask-yes').disabled = true;
    try {
        await run();
        if (run === ask_run) $('ask').close();
    } catch (problem) {
        if (run === ask_run) text_show($('ask-error'), text('not_done', problem.title));
    }
    $('ask-yes').disabled = false;
}
