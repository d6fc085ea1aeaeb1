// What Telegram hears and when: how much of a message, how late, and not at night.

import { api_call } from './api.js';
import { $, el, text_show } from './dom.js';
import { settings_put, state } from './state.js';
import { text } from './text.js';

const NIGHT = { quiet_from: '22:00', quiet_to: '08:00' };

let sending = 0;                // changes on their way: the form knows better than the settings

export function view_notify_init() {
    $('notify').addEventListener('submit', (event) => event.preventDefault());
    $('notify').addEventListener('change', notify_send);
}

function zone_here() {
    return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

// The zones that the browser knows, and the one that is set, whoever named it.
function zones_fill(chosen) {
    const zones = new Set([chosen, zone_here(), ...Intl.supportedValuesOf('timeZone')]);
    const list = $('notify-zone');
    if (list.options.length !== zones.size)
        list.replaceChildren(...Array.from(zones).sort().map((zone) => el('option', {}, zone)));
    list.value = chosen;
}

// The delay that is set may be none of those offered here.
function delay_fill(seconds) {
    const list = $('notify-delay');
    list.value = seconds;
    if (list.selectedIndex >= 0) return;
    list.append(el('option', { value: seconds }, `${seconds} s`));
    list.value = seconds;
}

// Shows the form as the settings are, unless somebody is at it.
export function view_notify_show(shown) {
    const { notify, time_zone } = state.settings ?? {};
    $('notify').hidden = !shown || !notify;
    if (!notify || sending || $('notify').contains(document.activeElement)) return;
    $('notify-preview').value = notify.preview;
    delay_fill(notify.delay_s);
    $('notify-quiet').checked = Boolean(notify.quiet_from);
    $('notify-from').value = notify.quiet_from ?? NIGHT.quiet_from;
    $('notify-to').value = notify.quiet_to ?? NIGHT.quiet_to;
    zones_fill(notify.quiet_from ? time_zone : zone_here());
    $('notify-hours').hidden = !notify.quiet_from;
}

// What the control that was changed says; what others say may be on its way.
function change_of({ id }) {
    if (id === 'notify-preview') return { notify: { preview: $(id).value } };
    if (id === 'notify-delay') return { notify: { delay_s: Number($(id).value) } };
    const quiet = $('notify-quiet').checked;
    if (!quiet) return { notify: { quiet_from: null, quiet_to: null } };
    const notify = { quiet_from: $('notify-from').value, quiet_to: $('notify-to').value };
    return { notify, time_zone: $('notify-zone').value };
}

async function notify_send({ target }) {
    const quiet = $('notify-quiet').checked;
    $('notify-hours').hidden = !quiet;
    if (quiet && !$('notify').checkValidity()) return;
    const { me } = state;
    let note = text('saved_now');
    sending++;
    try {
        const reply = await api_call('PATCH', '/me', change_of(target));
        if (state.me === me) settings_put(reply);
    } catch (problem) {
        note = text('not_done', problem.title);
    }
    sending--;
    text_show($('notify-note'), note);
}
