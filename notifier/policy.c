#include "policy.h"

static const int64_t policy_window_ms[POLICY_STEPS] = {60000, 5 * 60000, 15 * 60000, 60 * 60000};

enum policy_level { POLICY_OFFLINE, POLICY_IDLE, POLICY_ACTIVE };

/* What a decision is made from, and what is found out on the way. */
struct policy_case {
    int64_t now;
    const struct policy_settings *settings;
    const struct policy_presence *presence;
    const struct policy_pending *pending;
    enum policy_fate *fates;
    enum policy_level level;
    int64_t level_at; /* when the level may be another one */
};

/* When a sender can be told about, and by what. */
struct policy_plan {
    enum policy_action action;
    int64_t at;
    bool late;
};

static int64_t policy_earlier(int64_t one, int64_t other)
{
    return one < other ? one : other;
}

static int64_t policy_later(int64_t one, int64_t other)
{
    return one > other ? one : other;
}

static int64_t policy_delay_ms(const struct policy_settings *settings)
{
    int64_t delay_s = policy_earlier(settings->delay_s, POLICY_DELAY_MAX_S);

    return policy_later(delay_s * 1000, POLICY_GATHER_MS);
}

/* Is there nothing to tell about the row any more? */
static bool policy_row_is_over(const struct policy_case *with, const struct policy_row *row)
{
    return !with->pending->linked || with->settings->muted_until > with->now ||
           with->pending->senders[row->sender].muted_until > with->now || row->read ||
           row->deleted || with->now - row->created_at >= POLICY_AGE_MS ||
           row->unanswered >= POLICY_UNANSWERED_MAX;
}

/* Until when the device counts: its lease ends, or it proves not to be there. */
static int64_t policy_device_until(const struct policy_case *with,
                                   const struct policy_device *device)
{
    int64_t until = device->expires_at;

    for (int i = 0; i < with->pending->row_count; i++) {
        const struct policy_row *row = &with->pending->rows[i];

        if (with->fates[i] == POLICY_KEEP && row->seq > device->acked_seq)
            until = policy_earlier(until, row->created_at + POLICY_ACK_MS);
    }
    return until;
}

/* When presence is looked at again: who sat here for long may as well sit here for longer. */
static int64_t policy_look_at(const struct policy_case *with)
{
    int64_t waited = 0;

    for (int i = 0; i < with->pending->row_count; i++)
        if (with->fates[i] == POLICY_KEEP)
            waited = policy_later(waited, with->now - with->pending->rows[i].created_at);
    return with->now +
           policy_later(POLICY_LOOK_MS, policy_earlier(waited / 10, POLICY_LOOK_MAX_MS));
}

/* A tab that is closed shortens its lease, so while there is one the end it has now is not to be
 * relied on; and Redis may be back any time. */
static void policy_look(struct policy_case *with)
{
    int64_t look_at = policy_look_at(with);

    with->level = POLICY_OFFLINE;
    with->level_at = with->presence->known ? INT64_MAX : look_at;
    for (int i = 0; i < with->presence->device_count; i++) {
        const struct policy_device *device = &with->presence->devices[i];
        int64_t until = policy_device_until(with, device);

        if (until <= with->now)
            continue;
        if (device->active)
            with->level = POLICY_ACTIVE;
        else if (with->level == POLICY_OFFLINE)
            with->level = POLICY_IDLE;
        with->level_at = policy_earlier(with->level_at, policy_earlier(until, look_at));
    }
}

/* INT64_MAX: not while somebody is there. */
static int64_t policy_row_due(const struct policy_case *with, const struct policy_row *row)
{
    const struct policy_settings *settings = with->settings;
    int64_t due = row->created_at + POLICY_GATHER_MS;

    if (with->level == POLICY_ACTIVE)
        return INT64_MAX;
    /* What quiet hours held gathers at their end what came in their last moment. */
    if (row->created_at < settings->quiet_ended_at)
        due = policy_later(due, settings->quiet_ended_at + POLICY_GATHER_MS);
    if (with->level == POLICY_IDLE)
        due = policy_later(due, row->created_at + policy_delay_ms(settings));
    if (!with->presence->known)
        due = policy_later(due, policy_later(row->created_at, with->presence->unknown_since) +
                                    POLICY_UNKNOWN_MS);
    return policy_later(due, row->retry_at);
}

static bool policy_row_is_late(const struct policy_case *with, const struct policy_row *row)
{
    return row->created_at < with->settings->quiet_ended_at ||
           with->now - row->created_at >= POLICY_LATE_MS + policy_delay_ms(with->settings);
}

/* No new message about the sender before; 0: at once. */
static int64_t policy_window_end(const struct policy_case *with, const struct policy_window *window)
{
    int64_t length = policy_window_ms[window->message_id != 0 ? window->step : 0];

    if (window->opened_at == 0 || window->read ||
        window->opened_at < with->settings->quiet_ended_at)
        return 0;
    /* Further ahead than that it was opened before the clock was set back. */
    if (window->opened_at - with->now > length)
        return 0;
    return window->opened_at + length;
}

static bool policy_window_is_open(const struct policy_case *with,
                                  const struct policy_window *window)
{
    return policy_window_end(with, window) > with->now;
}

static struct policy_plan policy_sender_plan(const struct policy_case *with, int sender)
{
    const struct policy_window *window = &with->pending->senders[sender].window;
    struct policy_plan plan = {.action = POLICY_SEND, .at = INT64_MAX};
    int64_t shut_until;

    for (int i = 0; i < with->pending->row_count; i++) {
        const struct policy_row *row = &with->pending->rows[i];
        int64_t due;

        if (row->sender != sender || with->fates[i] != POLICY_KEEP)
            continue;
        due = policy_row_due(with, row);
        plan.at = policy_earlier(plan.at, due);
        plan.late = plan.late || (due <= with->now && policy_row_is_late(with, row));
    }
    if (plan.at == INT64_MAX || !policy_window_is_open(with, window))
        return plan;
    shut_until = policy_window_end(with, window);
    if (window->message_id != 0) {
        plan.action = POLICY_EDIT;
        shut_until = policy_earlier(shut_until, window->edited_at + POLICY_EDIT_MS);
    }
    plan.at = policy_later(plan.at, shut_until);
    return plan;
}

/* Marks the rows that a message tells of: this sender's, or (-1) those of all that a new message
 * may be sent about. Returns how many senders these are. */
static int policy_take(const struct policy_case *with, int sender)
{
    int senders = 0;

    for (int s = 0; s < with->pending->sender_count; s++) {
        bool some = false;

        if (sender >= 0 ? s != sender
                        : policy_window_is_open(with, &with->pending->senders[s].window))
            continue;
        for (int i = 0; i < with->pending->row_count; i++) {
            const struct policy_row *row = &with->pending->rows[i];

            if (row->sender == s && with->fates[i] == POLICY_KEEP && row->retry_at <= with->now) {
                with->fates[i] = POLICY_TAKE;
                some = true;
            }
        }
        senders += some;
    }
    return senders;
}

static void policy_take_back(const struct policy_case *with)
{
    for (int i = 0; i < with->pending->row_count; i++)
        if (with->fates[i] == POLICY_TAKE)
            with->fates[i] = POLICY_KEEP;
}

static struct policy_decision policy_choose(const struct policy_case *with)
{
    struct policy_decision decision = {.action = POLICY_WAIT, .sender = -1, .at = with->level_at};
    int64_t first = INT64_MAX;
    bool late = false;

    for (int s = 0; s < with->pending->sender_count; s++) {
        struct policy_plan plan = policy_sender_plan(with, s);

        if (plan.at > with->now) {
            decision.at = policy_earlier(decision.at, plan.at);
            continue;
        }
        late = late || (plan.late && plan.action == POLICY_SEND);
        if (plan.at < first) {
            first = plan.at;
            decision.action = plan.action;
            decision.sender = s;
        }
    }
    if (decision.action == POLICY_WAIT)
        return decision;
    decision.at = with->now;
    if (late) {
        if (policy_take(with, -1) > 1) {
            decision.action = POLICY_DIGEST;
            decision.sender = -1;
            return decision;
        }
        policy_take_back(with);
    }
    policy_take(with, decision.sender);
    return decision;
}

struct policy_decision policy_decide(int64_t now, const struct policy_settings *settings,
                                     const struct policy_presence *presence,
                                     const struct policy_pending *pending,
                                     enum policy_fate *ret_fates)
{
    struct policy_case with = {now, settings, presence, pending, ret_fates, POLICY_OFFLINE, 0};
    int64_t closed_until = policy_later(pending->retry_at, settings->quiet_until);
    int kept = 0;

    for (int i = 0; i < pending->row_count; i++) {
        ret_fates[i] = policy_row_is_over(&with, &pending->rows[i]) ? POLICY_REMOVE : POLICY_KEEP;
        kept += ret_fates[i] == POLICY_KEEP;
    }
    if (kept == 0)
        return (struct policy_decision){.action = POLICY_DROP, .sender = -1, .at = now};
    if (closed_until > now)
        return (struct policy_decision){.action = POLICY_WAIT, .sender = -1, .at = closed_until};
    policy_look(&with);
    return policy_choose(&with);
}

struct policy_window policy_window_open(const struct policy_window *last, int64_t now)
{
    struct policy_window window = {.opened_at = now, .edited_at = now};

    if (last->opened_at == 0 || last->read || now - last->opened_at >= POLICY_AGE_MS)
        return window;
    window.step = last->step;
    if (last->message_id != 0 && window.step < POLICY_STEPS - 1)
        window.step++;
    return window;
}

/* The end of a pause after `last`. Further ahead than a pause `last` is from before the clock was
 * set back. */
static int64_t policy_pause_end(int64_t now, int64_t last, int64_t pause_ms)
{
    return last - now > pause_ms ? now : last + pause_ms;
}

int64_t policy_pace(int64_t now, const struct policy_pace *pace)
{
    int64_t at = policy_later(now, pace->retry_at);

    at = policy_later(at, policy_pause_end(now, pace->sent_at, POLICY_BOT_GAP_MS));
    return policy_later(at, policy_pause_end(now, pace->chat_sent_at, POLICY_CHAT_GAP_MS));
}
