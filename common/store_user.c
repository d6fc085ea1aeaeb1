#include "store_user.h"

#include <string.h>

#include "buf.h"
#include "err.h"
#include "store_internal.h"
#include "utf8.h"

enum { WORD_MIN = 3 }; /* letters; a trigram */

#define LIST_COLUMNS                                                                       \
    "SELECT " STORE_USER_COLUMNS ", u.username_key, "                                      \
    "CASE WHEN u.last_seen_at IS NULL THEN -1 ELSE (extract(epoch FROM u.last_seen_at) * " \
    "1000000)::bigint END "

/* A pattern that many match is looked for along the order of the list, until the page is full (no
 * index serves an expression); one of three letters and more is looked up in the index on their
 * trigrams, and what is found is sorted (OFFSET 0 keeps the order out of that look-up). Left to
 * itself, PostgreSQL would read everybody for either. */
#define ALONG                                                     \
    LIST_COLUMNS "FROM perch.users u WHERE u.deleted_at IS NULL " \
                 "AND u.search_key || '' LIKE $1 "
#define BY_WORD                                                                         \
    LIST_COLUMNS                                                                        \
    "FROM (SELECT id, username, username_key, display_name, created_at, last_seen_at, " \
    "deleted_at FROM perch.users WHERE deleted_at IS NULL "                             \
    "AND search_key LIKE $1 OFFSET 0) AS u WHERE true "

#define BY_NAME     "AND u.username_key > $2 ORDER BY u.username_key LIMIT $3"
#define BY_CREATION "AND u.id < $2 ORDER BY u.id DESC LIMIT $3"
#define BY_SEEN                                                                           \
    "AND (coalesce(u.last_seen_at, '-infinity'), u.id) < "                                \
    "(CASE WHEN $2::bigint < 0 THEN '-infinity' ELSE to_timestamp(0) + $2 * interval '1 " \
    "microsecond' END, $4::bigint) "                                                      \
    "ORDER BY coalesce(u.last_seen_at, '-infinity') DESC, u.id DESC LIMIT $3"

static const struct pg_statement list_by_name = {"user_list_by_name", ALONG BY_NAME};
static const struct pg_statement list_by_creation = {"user_list_by_creation", ALONG BY_CREATION};
static const struct pg_statement list_by_seen = {"user_list_by_seen", ALONG BY_SEEN};
static const struct pg_statement find_by_name = {"user_find_by_name", BY_WORD BY_NAME};
static const struct pg_statement find_by_creation = {"user_find_by_creation", BY_WORD BY_CREATION};
static const struct pg_statement find_by_seen = {"user_find_by_seen", BY_WORD BY_SEEN};
static const struct pg_statement get = {"user_get", "SELECT " STORE_USER_COLUMNS
                                                    " FROM perch.users u WHERE u.id = $1"};
static const struct pg_statement me = {
    "user_me",
    "SELECT " STORE_USER_COLUMNS
    ", u.locale, u.time_zone, u.notify_preview, to_char(u.notify_quiet_from, 'HH24:MI'), "
    "to_char(u.notify_quiet_to, 'HH24:MI'), u.notify_delay_s, u.telegram "
    "FROM perch.users u WHERE u.id = $1 AND u.deleted_at IS NULL"};
static const struct pg_statement update = {"user_update", "SELECT * FROM perch.update_me($1, $2)"};
static const struct pg_statement partners = {"user_partners",
                                             "SELECT ARRAY(SELECT perch.partners($1))"};

const struct pg_statement *const store_user_statements[] = {
    &list_by_name,     &list_by_creation, &list_by_seen, &find_by_name,
    &find_by_creation, &find_by_seen,     &get,          &me,
    &update,           &partners,         NULL};

void store_user_read(struct arena *arena, const struct pg_result *result, int row, int first,
                     struct store_user *ret_user)
{
    *ret_user = (struct store_user){
        .id = pg_int(result, row, first),
        .username = store_text(arena, result, row, first + 1),
        .display_name = store_text(arena, result, row, first + 2),
        .created_at = store_text(arena, result, row, first + 3),
        .last_seen_at = store_text(arena, result, row, first + 4),
        .deleted = pg_bool(result, row, first + 5),
    };
}

/* LIKE's own characters are taken literally. */
static const char *like_pattern(struct arena *arena, const char *part)
{
    if (part == NULL)
        return "%";
    struct buf pattern = {0};
    buf_adds(&pattern, "%");
    for (const char *c = part; *c != '\0'; c++) {
        if (*c == '%' || *c == '_' || *c == '\\')
            buf_add(&pattern, "\\", 1);
        buf_add(&pattern, c, 1);
    }
    buf_adds(&pattern, "%");
    char *copy = arena_copy(arena, pattern.data, pattern.length);
    buf_release(&pattern);
    return copy;
}

int store_user_list(struct pg *pg, struct arena *arena, const char *part, enum store_user_sort sort,
                    const struct store_user_key *after, int limit, struct store_user_page *ret_page)
{
    const bool word = part != NULL && utf8_count(part, strlen(part)) >= WORD_MIN;
    const struct pg_statement *statement = word ? &find_by_name : &list_by_name;
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_text(&params, like_pattern(arena, part));
    if (sort == STORE_USERS_BY_NAME) {
        pg_add_text(&params, after->name);
        pg_add_int(&params, limit);
    } else if (sort == STORE_USERS_BY_CREATION) {
        statement = word ? &find_by_creation : &list_by_creation;
        pg_add_int(&params, after->id);
        pg_add_int(&params, limit);
    } else {
        statement = word ? &find_by_seen : &list_by_seen;
        pg_add_int(&params, after->seen_us);
        pg_add_int(&params, limit);
        pg_add_int(&params, after->id);
    }
    int err = pg_run(pg, statement, &params, &result);
    if (err == 0) {
        size_t rows = (size_t)result.rows;
        *ret_page = (struct store_user_page){
            .count = result.rows,
            .users = arena_alloc(arena, rows * sizeof *ret_page->users),
            .keys = arena_alloc(arena, rows * sizeof *ret_page->keys),
        };
        for (int row = 0; row < result.rows; row++) {
            store_user_read(arena, &result, row, 0, &ret_page->users[row]);
            ret_page->keys[row] = (struct store_user_key){
                .name = store_text(arena, &result, row, STORE_USER_WIDTH),
                .id = ret_page->users[row].id,
                .seen_us = pg_int(&result, row, STORE_USER_WIDTH + 1),
            };
        }
    }
    pg_result_clear(&result);
    return err;
}

int store_user_get(struct pg *pg, struct arena *arena, int64_t user_id, struct store_user *ret_user)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, user_id);
    int err = pg_run(pg, &get, &params, &result);
    if (err == 0 && result.rows == 0)
        err = ERR_NOT_FOUND;
    if (err == 0)
        store_user_read(arena, &result, 0, 0, ret_user);
    pg_result_clear(&result);
    return err;
}

int store_user_me(struct pg *pg, struct arena *arena, int64_t user_id, struct store_user *ret_user,
                  struct store_settings *ret_settings)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, user_id);
    int err = pg_run(pg, &me, &params, &result);
    if (err == 0 && result.rows == 0)
        err = ERR_UNAUTHORIZED;
    if (err == 0) {
        const int first = STORE_USER_WIDTH;
        store_user_read(arena, &result, 0, 0, ret_user);
        *ret_settings = (struct store_settings){
            .locale = store_text(arena, &result, 0, first),
            .time_zone = store_text(arena, &result, 0, first + 1),
            .preview = store_text(arena, &result, 0, first + 2),
            .quiet_from = store_text(arena, &result, 0, first + 3),
            .quiet_to = store_text(arena, &result, 0, first + 4),
            .delay_s = (int)pg_int(&result, 0, first + 5),
            .telegram = store_text(arena, &result, 0, first + 6),
        };
    }
    pg_result_clear(&result);
    return err;
}

int store_user_update(struct pg *pg, struct arena *arena, int64_t user_id, const char *fields,
                      struct store_change *ret_change)
{
    struct pg_params params = {0};
    pg_add_int(&params, user_id);
    pg_add_text(&params, fields);
    return store_mutate(pg, arena, &update, &params, ret_change);
}

int store_user_partners(struct pg *pg, struct arena *arena, int64_t user_id,
                        struct store_ids *ret_partners)
{
    struct pg_params params = {0};
    struct pg_result result = {0};
    pg_add_int(&params, user_id);
    int err = pg_run(pg, &partners, &params, &result);
    if (err == 0)
        store_ids_read(arena, &result, 0, 0, ret_partners);
    pg_result_clear(&result);
    return err;
}
