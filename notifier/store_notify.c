#include "store_notify.h"

#include <inttypes.h>
#include <string.h>

#include "common/buf.h"
#include "store_notifier_internal.h"

static const struct pg_statement look = {
    "notify_look", "SELECT users, next_at FROM perch.notify_look($1, $2, $3)"};
static const struct pg_statement pending_of = {
    "notify_pending",
    "SELECT user_id, revision, chat_id, locale, linked, retry_at, sent_at, delay_s, preview, "
    "muted_until, quiet_until, quiet_ended_at, "
    "sender_id, sender_muted_until, opened_at, step, edited_at, message_id, window_read, "
    "window_read_upto, first_id, "
    "id, seq, created_at, row_retry_at, unanswered, failures, plain, read, deleted "
    "FROM perch.notify_pending($1, $2)"};
static const struct pg_statement wait_until = {"notify_wait",
                                               "SELECT perch.notify_wait($1, $2, $3, $4, $5)"};
static const struct pg_statement claim_rows = {
    "notify_claim", "SELECT sender_id, name, body, new_count, rows, failures, plain "
                    "FROM perch.notify_claim($1, $2, $3, $4, $5, $6, $7, $8)"};
static const struct pg_statement told = {"notify_told",
                                         "SELECT perch.notify_told($1, $2, $3, $4, $5, $6)"};
static const struct pg_statement failed = {
    "notify_failed", "SELECT perch.notify_failed($1, $2, $3, $4, $5, $6, $7, $8, $9)"};
static const struct pg_statement block = {"notify_block",
                                          "SELECT * FROM perch.notify_block($1, $2)"};

const struct pg_statement *const store_notify_statements[] = {
    &look, &pending_of, &wait_until, &claim_rows, &told, &failed, &block, NULL};

/* The columns of notify_pending: of the recipient, the sender, the row. */
enum {
    USER_ID,
    REVISION,
    CHAT_ID,
    LOCALE,
    LINKED,
    RETRY_AT,
    SENT_AT,
    DELAY_S,
    PREVIEW,
    MUTED_UNTIL,
    QUIET_UNTIL,
    QUIET_ENDED_AT,
    SENDER_ID,
    SENDER_MUTED_UNTIL,
    OPENED_AT,
    STEP,
    EDITED_AT,
    MESSAGE_ID,
    WINDOW_READ,
    WINDOW_READ_UPTO,
    FIRST_ID,
    ROW_ID,
    ROW_SEQ,
    ROW_CREATED_AT,
    ROW_RETRY_AT,
    ROW_UNANSWERED,
    ROW_FAILURES,
    ROW_PLAIN,
    ROW_READ,
    ROW_DELETED,
};

int store_notify_look_start(struct pg *pg, struct arena *arena, int64_t now,
                            const struct store_ids *busy, int limit)
{
    struct pg_params params = {0};
    pg_add_int(&params, now);
    pg_add_text(&params, store_ids_text(arena, busy));
    pg_add_int(&params, limit);
    return pg_start(pg, &look, &params);
}

void store_notify_looked(struct arena *arena, const struct pg_result *result,
                         struct store_notify_look *ret_look)
{
    store_ids_read(arena, result, 0, 0, &ret_look->users);
    ret_look->next_at = pg_int(result, 0, 1);
}

int store_notify_pending_start(struct pg *pg, int64_t user_id, int64_t now)
{
    struct pg_params params = {0};
    pg_add_int(&params, user_id);
    pg_add_int(&params, now);
    return pg_start(pg, &pending_of, &params);
}

static struct policy_sender read_policy_sender(const struct pg_result *result, int row)
{
    return (struct policy_sender){
        .muted_until = pg_int(result, row, SENDER_MUTED_UNTIL),
        .window = {.opened_at = pg_int(result, row, OPENED_AT),
                   .step = (int)pg_int(result, row, STEP),
                   .edited_at = pg_int(result, row, EDITED_AT),
                   .message_id = pg_int(result, row, MESSAGE_ID),
                   .read = pg_bool(result, row, WINDOW_READ)},
    };
}

static struct policy_row read_policy_row(const struct pg_result *result, int row, int sender)
{
    return (struct policy_row){
        .sender = sender,
        .seq = pg_int(result, row, ROW_SEQ),
        .created_at = pg_int(result, row, ROW_CREATED_AT),
        .retry_at = pg_int(result, row, ROW_RETRY_AT),
        .unanswered = (int)pg_int(result, row, ROW_UNANSWERED),
        .read = pg_bool(result, row, ROW_READ),
        .deleted = pg_bool(result, row, ROW_DELETED),
    };
}

/* Rows come by sender; a sender begins with its first row. */
static void read_rows(struct arena *arena, const struct pg_result *result,
                      struct store_notify_pending *ret_pending)
{
    size_t count = pg_is_null(result, 0, ROW_ID) ? 0 : (size_t)result->rows;
    struct policy_sender *policy_senders = arena_alloc(arena, count * sizeof *policy_senders);
    struct policy_row *policy_rows = arena_alloc(arena, count * sizeof *policy_rows);
    struct store_notify_sender *senders = arena_alloc(arena, count * sizeof *senders);
    struct store_notify_row *rows = arena_alloc(arena, count * sizeof *rows);
    int sender = -1;

    for (int row = 0; row < (int)count; row++) {
        int64_t user_id = pg_int(result, row, SENDER_ID);
        if (sender < 0 || senders[sender].user_id != user_id) {
            sender++;
            policy_senders[sender] = read_policy_sender(result, row);
            senders[sender] = (struct store_notify_sender){
                .user_id = user_id,
                .read_upto = pg_int(result, row, WINDOW_READ_UPTO),
                .first_id = pg_int(result, row, FIRST_ID),
            };
        }
        policy_rows[row] = read_policy_row(result, row, sender);
        rows[row] = (struct store_notify_row){
            .id = pg_int(result, row, ROW_ID),
            .failures = (int)pg_int(result, row, ROW_FAILURES),
            .plain = pg_bool(result, row, ROW_PLAIN),
        };
    }
    ret_pending->policy.sender_count = sender + 1;
    ret_pending->policy.senders = policy_senders;
    ret_pending->policy.row_count = (int)count;
    ret_pending->policy.rows = policy_rows;
    ret_pending->senders = senders;
    ret_pending->rows = rows;
}

void store_notify_pending(struct arena *arena, const struct pg_result *result,
                          struct store_notify_pending *ret_pending)
{
    *ret_pending = (struct store_notify_pending){
        .user_id = pg_int(result, 0, USER_ID),
        .revision = pg_int(result, 0, REVISION),
        .chat_id = pg_int(result, 0, CHAT_ID),
        .chat_sent_at = pg_int(result, 0, SENT_AT),
        .locale = texts_locale(pg_text(result, 0, LOCALE)),
        .preview = compose_preview(pg_text(result, 0, PREVIEW)),
        .settings = {.delay_s = (int)pg_int(result, 0, DELAY_S),
                     .muted_until = pg_int(result, 0, MUTED_UNTIL),
                     .quiet_until = pg_int(result, 0, QUIET_UNTIL),
                     .quiet_ended_at = pg_int(result, 0, QUIET_ENDED_AT)},
        .policy = {.linked = pg_bool(result, 0, LINKED), .retry_at = pg_int(result, 0, RETRY_AT)},
    };
    read_rows(arena, result, ret_pending);
}

/* The ids of the rows with this fate, as an array. */
static const char *rows_with(struct arena *arena, const struct store_notify_pending *pending,
                             const enum policy_fate *fates, enum policy_fate fate)
{
    int count = pending->policy.row_count;
    struct store_ids ids = {.ids = arena_alloc(arena, (size_t)count * sizeof *ids.ids)};
    for (int i = 0; i < count; i++)
        if (fates[i] == fate)
            ids.ids[ids.count++] = pending->rows[i].id;
    return store_ids_text(arena, &ids);
}

/* All rows that the decision was about. Where there were more than one look gives, it is about
 * these, too: else they would be due again at once, and again. */
static int64_t last_row(const struct store_notify_pending *pending)
{
    int64_t last = 0;
    if (pending->policy.row_count >= STORE_NOTIFY_ROWS_MAX)
        return INT64_MAX;
    for (int i = 0; i < pending->policy.row_count; i++)
        if (pending->rows[i].id > last)
            last = pending->rows[i].id;
    return last;
}

int store_notify_wait_start(struct pg *pg, struct arena *arena,
                            const struct store_notify_pending *pending,
                            const enum policy_fate *fates, int64_t at)
{
    struct pg_params params = {0};
    pg_add_int(&params, pending->user_id);
    pg_add_int(&params, pending->revision);
    pg_add_text(&params, rows_with(arena, pending, fates, POLICY_REMOVE));
    pg_add_int(&params, last_row(pending));
    pg_add_int(&params, at);
    return pg_start(pg, &wait_until, &params);
}

/* The senders of the rows to take, and at which step a new window of theirs begins. */
static void add_windows(struct pg_params *params, struct arena *arena,
                        const struct store_notify_pending *pending, const enum policy_fate *fates,
                        int64_t now)
{
    size_t size = (size_t)pending->policy.sender_count * sizeof(int64_t);
    struct store_ids senders = {.ids = arena_alloc(arena, size)};
    struct store_ids steps = {.ids = arena_alloc(arena, size)};
    int last = -1;

    for (int i = 0; i < pending->policy.row_count; i++) {
        int sender = pending->policy.rows[i].sender;
        if (fates[i] != POLICY_TAKE || sender == last)
            continue;
        last = sender;
        senders.ids[senders.count++] = pending->senders[sender].user_id;
        steps.ids[steps.count++] =
            policy_window_open(&pending->policy.senders[sender].window, now).step;
    }
    pg_add_text(params, store_ids_text(arena, &senders));
    pg_add_text(params, store_ids_text(arena, &steps));
}

int store_notify_claim_start(struct pg *pg, struct arena *arena,
                             const struct store_notify_pending *pending,
                             const enum policy_fate *fates, const struct policy_decision *decision,
                             int64_t now)
{
    struct pg_params params = {0};
    pg_add_int(&params, pending->user_id);
    pg_add_int(&params, pending->revision);
    pg_add_int(&params, now);
    pg_add_text(&params, rows_with(arena, pending, fates, POLICY_REMOVE));
    pg_add_text(&params, rows_with(arena, pending, fates, POLICY_TAKE));
    pg_add_text(&params, decision->action == POLICY_EDIT ? "true" : "false");
    add_windows(&params, arena, pending, fates, now);
    return pg_start(pg, &claim_rows, &params);
}

void store_notify_claim(struct arena *arena, const struct pg_result *result,
                        struct store_notify_claim *ret_claim)
{
    size_t count = (size_t)result->rows;
    struct compose_sender *senders = arena_alloc(arena, count * sizeof *senders);
    int64_t *sender_ids = arena_alloc(arena, count * sizeof *sender_ids);

    *ret_claim = (struct store_notify_claim){
        .sender_count = result->rows, .senders = senders, .sender_ids = sender_ids, .rows = "{}"};
    for (int row = 0; row < result->rows; row++) {
        int failures = (int)pg_int(result, row, 5);
        sender_ids[row] = pg_int(result, row, 0);
        senders[row] = (struct compose_sender){
            .name = store_text(arena, result, row, 1),
            .body = store_text(arena, result, row, 2),
            .new_count = pg_int(result, row, 3),
        };
        ret_claim->rows = store_text(arena, result, row, 4);
        if (failures > ret_claim->failures)
            ret_claim->failures = failures;
        ret_claim->plain = ret_claim->plain || pg_bool(result, row, 6);
    }
}

int store_notify_told_start(struct pg *pg, const struct store_notify_pending *pending,
                            const struct store_notify_claim *claim, int64_t message_id, int64_t now)
{
    struct pg_params params = {0};
    pg_add_int(&params, pending->user_id);
    pg_add_int(&params, pending->chat_id);
    pg_add_text(&params, claim->rows);
    if (claim->sender_count == 1)
        pg_add_int(&params, claim->sender_ids[0]);
    else
        pg_add_text(&params, NULL);
    pg_add_int(&params, message_id);
    pg_add_int(&params, now);
    return pg_start(pg, &told, &params);
}

static void add_window(struct buf *json, const struct store_notify_pending *pending, int sender,
                       bool edit_gone)
{
    const struct policy_window *window = &pending->policy.senders[sender].window;
    const struct store_notify_sender *kept = &pending->senders[sender];
    buf_addf(json,
             "%s{\"sender_id\":%" PRId64 ",\"opened_at\":%" PRId64 ",\"step\":%d"
             ",\"edited_at\":%" PRId64 ",\"message_id\":%" PRId64 ",\"read_upto\":%" PRId64
             ",\"first_id\":%" PRId64 "}",
             json->length > 1 ? "," : "", kept->user_id, window->opened_at, window->step,
             window->edited_at, edit_gone ? 0 : window->message_id, kept->read_upto,
             kept->first_id);
}

/* The windows of the claim's senders as they were before it. */
static const char *windows_before(struct arena *arena, const struct store_notify_pending *pending,
                                  const struct store_notify_claim *claim, bool edit_gone)
{
    struct buf json = {0};
    buf_adds(&json, "[");
    for (int i = 0; i < claim->sender_count; i++)
        for (int s = 0; s < pending->policy.sender_count; s++)
            if (pending->senders[s].user_id == claim->sender_ids[i])
                add_window(&json, pending, s, edit_gone);
    buf_adds(&json, "]");
    const char *text = arena_copy(arena, json.data, json.length);
    buf_release(&json);
    return text;
}

int store_notify_failed_start(struct pg *pg, struct arena *arena,
                              const struct store_notify_pending *pending,
                              const struct store_notify_claim *claim,
                              const struct store_notify_failure *failure, int64_t now)
{
    static const char *const outcomes[] = {
        [STORE_NOTIFY_BACK] = "back",       [STORE_NOTIFY_AGAIN] = "again",
        [STORE_NOTIFY_SHORTEN] = "shorten", [STORE_NOTIFY_WAIT] = "wait",
        [STORE_NOTIFY_DEAD] = "dead",
    };
    struct pg_params params = {0};
    pg_add_int(&params, pending->user_id);
    pg_add_int(&params, pending->chat_id);
    pg_add_text(&params, claim->rows);
    pg_add_text(&params, outcomes[failure->outcome]);
    pg_add_int(&params, failure->retry_at);
    pg_add_int(&params, failure->bot_retry_at);
    pg_add_text(&params, failure->reason);
    pg_add_text(&params, windows_before(arena, pending, claim, failure->edit_gone));
    pg_add_int(&params, now);
    return pg_start(pg, &failed, &params);
}

int store_notify_block_start(struct pg *pg, int64_t chat_id, int64_t now)
{
    struct pg_params params = {0};
    pg_add_int(&params, chat_id);
    pg_add_int(&params, now);
    return pg_start(pg, &block, &params);
}
