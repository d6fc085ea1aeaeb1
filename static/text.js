// The sentences that the modules say, one table per language, and how times are written.

const EN = {
    nobody: 'Nobody',
    saved: 'Saved messages',
    saved_hint: 'Notes to yourself',
    saved_empty: 'Keep notes, links and lists here. Only you see them.',
    deleted_user: 'Deleted account',
    online: 'online',
    idle: 'away',
    typing: 'typing…',
    seen: (when) => `last seen ${when}`,
    you: (body) => `You: ${body}`,
    message_deleted: 'Message deleted',
    edited: 'edited',
    unread: ' unread',
    unread_here: 'New messages',
    today: 'Today',
    yesterday: 'Yesterday',
    loading: 'Loading…',
    talk_empty: 'No messages yet. Say hello.',
    talk_missing: 'There is no such person here.',
    talk_deleted: 'This account was deleted. Its messages stay with you.',
    chats: 'Chats',
    people: 'People',
    chats_empty: 'No conversations yet. Look under People for someone to talk to.',
    people_empty: 'Nobody else is here yet.',
    people_none: 'Nobody by that name.',
    failed: (title) => `Not sent: ${title}.`,
    retry: 'Try again',
    discard: 'Discard',
    too_long: (count, most) => `${count} of ${most} characters: shorten it to send.`,
    link_lost: 'No connection. Trying again…',
    starting: 'Connecting…',
    starting_again: 'Perch cannot be reached. Trying again…',
    session_ended: 'Your session has ended. Log in again.',
    need_name: 'Type a name',
    need_password: 'Type a password',
    wait_s: (title, seconds) => `${title} (${seconds} s)`,
    show: 'Show',
    hide: 'Hide',
    not_done: (title) => `That did not work: ${title}.`,
    telegram_none: 'Link your Telegram and hear there about messages that you missed here.',
    telegram_off: 'This server has no Telegram bot, so nothing can be linked here.',
    telegram_claim: (bot) => 'is the name you gave, and nobody has proved that it is yours. Link it, or press Start in '
        + `the chat with @${bot} from there.`,
    telegram_offer: 'Waiting for you to press Start in Telegram…',
    telegram_until: (when) => `Good for one use, until ${when}.`,
    telegram_pending: 'wants to receive your notifications. Confirm only if this is you.',
    telegram_replaces: 'It would take the place of the chat that is linked now.',
    telegram_linked: 'receives your notifications.',
    telegram_blocked: 'has blocked the bot, so notifications cannot arrive. Unblock it in '
        + 'Telegram, or press Start there again.',
    telegram_link: 'Link Telegram',
    telegram_anew: 'Make a new code',
    telegram_other: 'Link another chat',
    telegram_nameless: 'Somebody without an @name',
};

export function text(key, ...values) {
    const entry = EN[key];
    return typeof entry === 'function' ? entry(...values) : entry;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const WEEKDAY = new Intl.DateTimeFormat(undefined, { weekday: 'short' });
const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long' });
const DAY_YEAR = new Intl.DateTimeFormat(undefined, { dateStyle: 'long' });
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: 'short' });

// How many midnights lie between that time and now.
function days_since(date) {
    const midnight = (d) => new Date(d.getFullYear(), d.getMonth(), d.getDate());
    return Math.round((midnight(new Date()) - midnight(date)) / 86400000);
}

export function text_clock(time) {
    return CLOCK.format(new Date(time));
}

export function text_full(time) {
    return new Date(time).toLocaleString();
}

// For lists: the clock today, the weekday this week, the date before.
export function text_short(time) {
    const date = new Date(time);
    const days = days_since(date);
    if (days <= 0) return CLOCK.format(date);
    return days < 7 ? WEEKDAY.format(date) : DATE.format(date);
}

export function text_day(time) {
    const date = new Date(time);
    const days = days_since(date);
    if (days <= 0) return text('today');
    if (days === 1) return text('yesterday');
    return (date.getFullYear() === new Date().getFullYear() ? DAY : DAY_YEAR).format(date);
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
