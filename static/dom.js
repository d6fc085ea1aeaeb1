// The few helpers that build the document: text goes in as text, never as markup.

import { text_language } from './text.js';
import { wait } from './wait.js';

export const $ = (id) => document.getElementById(id);

// An element with properties (`class`, `dataset` and aria-… are understood too) and children, nodes
// or strings.
export function el(tag, props = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(props)) {
        if (value === undefined || value === null || value === false) continue;
        if (name === 'dataset') Object.assign(node.dataset, value);
        else if (name === 'class' || name.includes('-')) node.setAttribute(name, value);
        else node[name] = value;
    }
    node.append(...children.filter((child) => child || child === 0));
    return node;
}

export function icon(name) {
    return $(`icon-${name}`).content.cloneNode(true);
}

// Shows a text, or hides its element where there is none. Unchanged text is left alone: live
// regions would repeat it.
export function text_show(node, value) {
    if (node.textContent !== (value || '')) node.textContent = value || '';
    node.hidden = !value;
}

// The round picture beside a name: a letter on one of eight colours, or the sign of the saved
// messages.
export function avatar_show(node, user, saved) {
    const letter = Array.from(user.display_name.trim())[0]?.toUpperCase() ?? '?';
    const hue = user.deleted || user.missing ? 'none' : user.id % 8;
    node.className = `avatar hue-${saved ? 'saved' : hue}`;
    node.classList.toggle('is-online', Boolean(user.online && !saved));
    node.classList.toggle('is-idle', user.active === false);
    node.replaceChildren(saved ? icon('saved') : letter);
    return node;
}

// Makes the container's children match `rows`, plain data with a unique `key` each. A node stays
// with its key, so focus and selection survive; `fill(node, row)` runs only where the row's data
// changed, or the language.
export function rows_show(container, rows, create, fill) {
    const focused = document.activeElement;
    const wanted = new Set(rows.map((row) => String(row.key)));
    const known = new Map();
    for (const node of Array.from(container.children)) {
        if (wanted.has(node.dataset.key)) known.set(node.dataset.key, node);
        else node.remove();
    }
    let next = container.firstElementChild;
    for (const row of rows) {
        const print = text_language() + JSON.stringify(row);
        let node = known.get(String(row.key));
        if (!node) {
            node = create(row);
            node.dataset.key = row.key;
        }
        if (node.row_print !== print) {
            node.row_print = print;
            fill(node, row);
        }
        if (node === next) next = next.nextElementSibling;
        else container.insertBefore(node, next);
    }
    if (focused !== document.activeElement && container.contains(focused))
        focused.focus({ preventScroll: true });
}

// Calls `load` when the node comes near the visible part of `root`, again as long as it stays
// there. Where `load` answers false nothing came of it, and it is left alone for a while.
export function sight_watch(node, root, load) {
    const observer = new IntersectionObserver(async (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        observer.unobserve(node);
        if (!await load()) await wait(3000);
        observer.observe(node);
    }, { root, rootMargin: '400px' });
    observer.observe(node);
}
