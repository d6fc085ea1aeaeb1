// One message of a history: the plain data of its row, and the element that shows it.

import { el, icon } from './dom.js';
import { link_parts } from './link.js';
import { state } from './state.js';
import { text, text_clock, text_day, text_full, text_problem } from './text.js';

const TOGETHER_MS = 300000;     // messages of one person within this time stand closer
const MOST_LINES = 25;          // a longer text shows its beginning
const LINE = { narrow: 34, wide: 66 };          // characters, about

const opened = new Set();       // keys of the long messages that are shown in full

export function message_row(m, peer_read_upto) {
    const mine = m.sender_id === state.me.id;
    const deleted = Boolean(m.deleted_at);
    const signed = mine && !deleted && m.recipient_id !== m.sender_id;
    const read = m.id <= peer_read_upto ? 'read' : 'sent';
    const key = mine && m.client_id ? `c${m.client_id}` : `m${m.id}`;
    return {
        key, id: m.id, kind: 'message', mine, deleted, at: m.sent_at, sign: signed ? read : '',
        body: deleted ? text('message_deleted') : m.body, edited: Boolean(m.edited_at) && !deleted,
    };
}

export function message_row_outbox(item) {
    const { client_id, body, at, status: sign } = item;
    const title = text_problem(item.code, item.title);
    return { key: `c${client_id}`, kind: 'message', mine: true, at, body, sign, title, client_id };
}

// The rows with the days between them and, before the row of id `unread_id`, where the unread
// begins. `before` is the message that stands above the first row, or undefined.
export function message_rows(rows, before, unread_id) {
    const out = [];
    let last = before;
    for (const row of rows) {
        const day = text_day(row.at);
        const new_day = !last || day !== text_day(last.at);
        if (new_day) out.push({ key: `d${row.key}`, kind: 'day', body: day });
        const unread = row.id && row.id === unread_id;
        if (unread) out.push({ key: 'unread', kind: 'unread', body: text('unread_here') });
        row.follows = !new_day && !unread && last.mine === row.mine
            && Date.parse(row.at) - Date.parse(last.at) < TOGETHER_MS;
        row.long = !opened.has(row.key) && text_is_long(row.body);
        out.push(row);
        last = row;
    }
    return out;
}

// Shows a long message in full, from now on.
export function message_open(key) {
    opened.add(key);
}

function text_is_long(body) {
    const most = innerWidth < 720 ? LINE.narrow : LINE.wide;
    if (body.length <= MOST_LINES) return false;
    const lines = body.split('\n').map((line) => Math.ceil(line.length / most) || 1);
    return lines.reduce((sum, count) => sum + count, 0) > MOST_LINES;
}

export function message_fill(node, row) {
    if (row.kind !== 'message') {
        node.className = `divider divider-${row.kind}`;
        return node.replaceChildren(el('span', {}, row.body));
    }
    const held = document.activeElement !== node && node.contains(document.activeElement);
    node.className = 'message';
    node.classList.toggle('is-mine', row.mine);
    node.classList.toggle('is-deleted', Boolean(row.deleted));
    node.classList.toggle('is-follow', row.follows);
    node.replaceChildren(bubble(row));
    if (row.sign === 'failed') node.append(trouble(row));
    if (held) node.querySelector('.message-menu, button')?.focus();
}

function bubble(row) {
    const foot = el('span', { class: 'foot' },
        row.edited && `${text('edited')} · `,
        el('time', { dateTime: row.at, title: text_full(row.at) }, text_clock(row.at)),
        row.sign && icon(row.sign));
    const parts = row.deleted ? [row.body] : link_parts(row.body).map(part_node);
    const body = el('span', { class: row.long ? 'text is-long' : 'text', dir: 'auto' }, ...parts);
    return el('div', { class: 'bubble' }, body,
        row.long && el('button', { type: 'button', class: 'quiet all', tabIndex: -1,
            dataset: { all: row.key } }, text('show_all')),
        foot,
        row.id && !row.deleted && el('button', { type: 'button', class: 'message-menu',
            tabIndex: -1, 'aria-haspopup': 'menu', 'aria-label': text('message_menu') },
        icon('more')));
}

// A link opens elsewhere and tells nobody where it was found; its own direction keeps what stands
// before it from turning it around.
function part_node({ text: words, href, host }) {
    if (!href) return words;
    return el('a', { href, target: '_blank', rel: 'noopener noreferrer nofollow', dir: 'ltr',
        title: host, tabIndex: -1 }, words);
}

function trouble(row) {
    const button = (does) => el('button', { type: 'button', class: 'quiet',
        dataset: { [does]: row.client_id } }, text(does));
    return el('div', { class: 'trouble' },
        el('span', { class: 'error' }, text('failed', row.title)),
        button('retry'), button('discard'));
}
