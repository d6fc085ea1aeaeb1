#include "outbox.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "bot_reply.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/log.h"
#include "common/memory.h"
#include "compose.h"
#include "notifier.h"
#include "outcome.h"
#include "pace.h"
#include "pg_line.h"
#include "presence.h"
#include "store_notifier.h"
#include "store_notify.h"
#include "wakes.h"

enum { REST_MS = 1000 }; /* after PostgreSQL failed */

struct outbox {
    struct notifier *notifier;
    struct pg_line *line;
    struct presence *presence;
    TAILQ_HEAD(, outbox_job) jobs;
    int job_count;
    struct pg_task look;
    struct arena look_arena;
    struct store_ids busy;
    int64_t looked_at; /* the last look */
    int64_t look_at;   /* when the next one is wanted */
    bool looking;
    struct event look_event;
};

/* One recipient, from the look that found them to the answer that is noted. */
struct outbox_job {
    struct outbox *outbox;
    int64_t user_id;
    struct arena arena; /* of what follows */
    struct store_notify_pending pending;
    enum policy_fate *fates; /* as many as pending.policy.rows */
    struct policy_decision decision;
    int64_t decided_at;
    struct store_notify_claim claim;
    struct outcome outcome;
    struct pg_task task;
    struct event again; /* the note of the answer, when PostgreSQL was away */
    struct presence_ask ask;
    struct pace_request request;
    TAILQ_ENTRY(outbox_job) of_outbox;
};

/* Looks */

/* OUTBOX_GATHER_MS after the last look at the soonest, however much news there is. Whichever way
 * the clock is set, OUTBOX_LOOK_MS is the longest wait. */
static void look_schedule(struct outbox *outbox)
{
    int64_t now = notifier_now();
    int64_t left = outbox->look_at - now;
    int64_t pause = outbox->looked_at + OUTBOX_GATHER_MS - now;
    if (outbox->looking || outbox->job_count > OUTBOX_JOBS_MAX / 2)
        return; /* whose end schedules it */
    if (left < pause && pause <= OUTBOX_GATHER_MS)
        left = pause;
    if (left > OUTBOX_LOOK_MS)
        left = OUTBOX_LOOK_MS;
    if (left < 0)
        left = 0;
    const struct timeval delay = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};
    event_add(&outbox->look_event, &delay);
}

static void look_by(struct outbox *outbox, int64_t at)
{
    if (at < outbox->look_at)
        outbox->look_at = at;
    look_schedule(outbox);
}

static int look_begin(struct pg *pg, void *argument)
{
    struct outbox *outbox = argument;
    return store_notify_look_start(pg, &outbox->look_arena, notifier_now(), &outbox->busy,
                                   OUTBOX_JOBS_MAX - outbox->busy.count);
}

static void job_start(struct outbox *outbox, int64_t user_id);

static void on_look(void *argument, int err, const struct pg_result *result)
{
    struct outbox *outbox = argument;
    struct store_notify_look found = {.next_at = notifier_now() + REST_MS};
    if (err == 0)
        store_notify_looked(&outbox->look_arena, result, &found);
    for (int i = 0; i < found.users.count; i++)
        job_start(outbox, found.users.ids[i]);
    arena_reset(&outbox->look_arena);
    outbox->looking = false;
    look_by(outbox, found.next_at);
}

static void on_look_time(evutil_socket_t fd, short what, void *argument)
{
    struct outbox *outbox = argument;
    struct outbox_job *job;
    (void)fd;
    (void)what;
    outbox->looking = true;
    outbox->looked_at = notifier_now();
    outbox->look_at = INT64_MAX;
    outbox->busy = (struct store_ids){
        .ids = arena_alloc(&outbox->look_arena, OUTBOX_JOBS_MAX * sizeof *outbox->busy.ids)};
    TAILQ_FOREACH (job, &outbox->jobs, of_outbox)
        outbox->busy.ids[outbox->busy.count++] = job->user_id;
    pg_line_add(outbox->line, &outbox->look);
}

/* Jobs */

static void job_free(struct outbox_job *job)
{
    event_del(&job->again);
    pace_leave(&job->request);
    TAILQ_REMOVE(&job->outbox->jobs, job, of_outbox);
    job->outbox->job_count--;
    arena_release(&job->arena);
    free(job);
}

/* What is left of it, a later look finds. */
static void job_end(struct outbox_job *job, int err)
{
    struct outbox *outbox = job->outbox;
    job_free(job);
    look_by(outbox, notifier_now() + (err != 0 ? REST_MS : 0));
}

static void job_query(struct outbox_job *job, loop_pg_begin *begin, loop_pg_done *done)
{
    job->task = (struct pg_task){.begin = begin, .done = done, .argument = job};
    pg_line_add(job->outbox->line, &job->task);
}

/* The last statement of a job, and nothing comes back. */
static void on_waits(void *argument, int err, const struct pg_result *result)
{
    (void)result;
    job_end(argument, err);
}

/* What Telegram answered must not get lost: it is noted until PostgreSQL has it. */
static void on_noted(void *argument, int err, const struct pg_result *result)
{
    struct outbox_job *job = argument;
    const struct timeval rest = {.tv_sec = REST_MS / 1000};
    if (err == ERR_UNAVAILABLE) {
        event_add(&job->again, &rest);
        return;
    }
    if (err == 0 && job->outcome.kind == OUTCOME_BLOCKED)
        wakes_publish(job->outbox->notifier->wakes, result);
    job_end(job, err);
}

static int wait_begin(struct pg *pg, void *argument)
{
    struct outbox_job *job = argument;
    int64_t at = job->decision.action == POLICY_WAIT ? job->decision.at : 0;
    return store_notify_wait_start(pg, &job->arena, &job->pending, job->fates, at);
}

static int told_begin(struct pg *pg, void *argument)
{
    struct outbox_job *job = argument;
    return store_notify_told_start(pg, &job->pending, &job->claim, job->outcome.message_id,
                                   notifier_now());
}

static int failed_begin(struct pg *pg, void *argument)
{
    struct outbox_job *job = argument;
    return store_notify_failed_start(pg, &job->arena, &job->pending, &job->claim,
                                     &job->outcome.failure, notifier_now());
}

static int block_begin(struct pg *pg, void *argument)
{
    struct outbox_job *job = argument;
    return store_notify_block_start(pg, job->pending.chat_id, notifier_now());
}

/* The message to edit; 0: a new one is sent. */
static int64_t job_edits(const struct outbox_job *job)
{
    if (job->decision.action != POLICY_EDIT)
        return 0;
    return job->pending.policy.senders[job->decision.sender].window.message_id;
}

static void note(evutil_socket_t fd, short what, void *argument)
{
    static loop_pg_begin *const begins[] = {[OUTCOME_TOLD] = told_begin,
                                            [OUTCOME_FAILED] = failed_begin,
                                            [OUTCOME_BLOCKED] = block_begin};
    struct outbox_job *job = argument;
    (void)fd;
    (void)what;
    job_query(job, begins[job->outcome.kind], on_noted);
}

static void on_answer(void *argument, const struct pace_answer *answer)
{
    struct outbox_job *job = argument;
    struct store_notify_failure *failure = &job->outcome.failure;
    job->outcome = outcome_read(answer, job_edits(job), job->claim.plain, job->claim.failures,
                                notifier_now(), notifier_random());
    if (failure->reason != NULL) {
        log_warn("Telegram will not have a notification: %s", failure->reason);
        failure->reason = arena_copy(&job->arena, failure->reason, strlen(failure->reason));
    }
    if (job->outcome.kind == OUTCOME_UNKNOWN)
        job_end(job, 0);
    else
        note(-1, 0, job);
}

static void job_send(struct outbox_job *job)
{
    const struct conf *conf = job->outbox->notifier->conf;
    const struct compose_news news = {
        .locale = job->pending.locale,
        .preview = job->pending.preview,
        .ceiling = compose_preview(conf->telegram_preview_max),
        .sender_count = job->claim.sender_count,
        .senders = job->claim.senders,
        .open_url = conf->public_url,
        .open_peer = job->claim.sender_count == 1 ? job->claim.sender_ids[0] : 0,
    };
    int64_t edited = job_edits(job);
    struct compose compose = {0};
    struct buf json = {0};
    compose_write(&compose, &news, job->claim.plain);
    if (edited != 0) {
        compose_add_edit(&json, job->pending.chat_id, edited, &compose);
        pace_send(&job->request, METRICS_EDIT, "editMessageText", json.data);
    } else {
        compose_add_send(&json, job->pending.chat_id, &compose);
        pace_send(&job->request,
                  job->decision.action == POLICY_DIGEST ? METRICS_DIGEST : METRICS_MESSAGE,
                  "sendMessage", json.data);
    }
    compose_release(&compose);
    buf_release(&json);
}

static int claim_begin(struct pg *pg, void *argument)
{
    struct outbox_job *job = argument;
    return store_notify_claim_start(pg, &job->arena, &job->pending, job->fates, &job->decision,
                                    notifier_now());
}

static void on_claim(void *argument, int err, const struct pg_result *result)
{
    struct outbox_job *job = argument;
    if (err == 0)
        store_notify_claim(&job->arena, result, &job->claim);
    if (err == 0 && job->claim.sender_count > 0)
        job_send(job);
    else
        job_end(job, err);
}

static void job_read(struct outbox_job *job);

static void on_turn(void *argument)
{
    struct outbox_job *job = argument;
    int64_t age = notifier_now() - job->decided_at;
    if (age >= 0 && age < OUTBOX_STALE_MS)
        job_query(job, claim_begin, on_claim);
    else
        job_read(job);
}

/* A job that decides for the second time has its turn already, unless the chat is another one now.
 */
static void job_tell(struct outbox_job *job)
{
    if (job->request.has_turn && job->request.chat_id == job->pending.chat_id) {
        job_query(job, claim_begin, on_claim);
        return;
    }
    pace_leave(&job->request);
    job->request = (struct pace_request){
        .chat_id = job->pending.chat_id,
        .class = PACE_NEWS,
        .turn = on_turn,
        .done = on_answer,
        .argument = job,
    };
    pace_ask(job->outbox->notifier->pace, &job->request);
}

static void on_presence(void *argument, const struct policy_presence *presence)
{
    struct outbox_job *job = argument;
    const struct policy_pending *pending = &job->pending.policy;
    job->fates = arena_alloc(&job->arena, (size_t)pending->row_count * sizeof *job->fates);
    job->decided_at = notifier_now();
    job->decision =
        policy_decide(job->decided_at, &job->pending.settings, presence, pending, job->fates);
    if (job->decision.action == POLICY_WAIT || job->decision.action == POLICY_DROP)
        job_query(job, wait_begin, on_waits);
    else
        job_tell(job);
}

static int pending_begin(struct pg *pg, void *argument)
{
    struct outbox_job *job = argument;
    return store_notify_pending_start(pg, job->user_id, notifier_now());
}

static void on_pending(void *argument, int err, const struct pg_result *result)
{
    struct outbox_job *job = argument;
    if (err != 0) {
        job_end(job, err);
        return;
    }
    store_notify_pending(&job->arena, result, &job->pending);
    job->ask = (struct presence_ask){.user_id = job->user_id, .done = on_presence, .argument = job};
    presence_ask(job->outbox->presence, &job->ask);
}

static void job_read(struct outbox_job *job)
{
    arena_reset(&job->arena);
    job_query(job, pending_begin, on_pending);
}

static void job_start(struct outbox *outbox, int64_t user_id)
{
    struct outbox_job *job = memory_new(sizeof *job);
    job->outbox = outbox;
    job->user_id = user_id;
    arena_init(&job->arena);
    event_assign(&job->again, outbox->notifier->base, -1, 0, note, job);
    TAILQ_INSERT_TAIL(&outbox->jobs, job, of_outbox);
    outbox->job_count++;
    job_read(job);
}

void outbox_wake(struct outbox *outbox)
{
    look_by(outbox, notifier_now());
}

struct outbox *outbox_new(struct notifier *notifier)
{
    struct outbox *outbox = memory_new(sizeof *outbox);
    outbox->notifier = notifier;
    outbox->line = pg_line_new(notifier->base, notifier->conf->notifier_database_url,
                               "perch-notifier outbox", &store_notifier_profile);
    outbox->presence = presence_new(notifier);
    TAILQ_INIT(&outbox->jobs);
    arena_init(&outbox->look_arena);
    outbox->look = (struct pg_task){.begin = look_begin, .done = on_look, .argument = outbox};
    event_assign(&outbox->look_event, notifier->base, -1, 0, on_look_time, outbox);
    look_by(outbox, 0);
    return outbox;
}

void outbox_free(struct outbox *outbox)
{
    if (outbox == NULL)
        return;
    event_del(&outbox->look_event);
    pg_line_free(outbox->line);
    presence_free(outbox->presence);
    while (!TAILQ_EMPTY(&outbox->jobs))
        job_free(TAILQ_FIRST(&outbox->jobs));
    arena_release(&outbox->look_arena);
    free(outbox);
}
