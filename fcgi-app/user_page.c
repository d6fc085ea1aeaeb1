#include "user_page.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "common/err.h"
#include "common/utf8.h"
#include "online.h"
#include "render.h"
#include "worker.h"

/* A line that was read; the texts have their lengths instead of an end. */
struct row {
    int64_t id;
    const char *next;
    const char *head;
    const char *tail;
    size_t next_length;
    size_t head_length;
    size_t tail_length;
};

static const struct store_user_key first_key = {
    .name = "", .id = STORE_ID_MAX, .seen_us = STORE_ID_MAX};

/* `after` of each sort: base64url of the folded name; "<id>"; "<microseconds or n>.<id>". */
static const char *key_format(struct request *request, enum store_user_sort sort,
                              const struct store_user_key *key)
{
    if (sort == STORE_USERS_BY_CREATION)
        return arena_printf(request->arena, "%" PRId64, key->id);
    if (sort == STORE_USERS_BY_SEEN)
        return key->seen_us < 0
                   ? arena_printf(request->arena, "n.%" PRId64, key->id)
                   : arena_printf(request->arena, "%" PRId64 ".%" PRId64, key->seen_us, key->id);
    size_t length = strlen(key->name);
    size_t room = sodium_base64_ENCODED_LEN(length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *text = arena_alloc(request->arena, room);
    return sodium_bin2base64(text, room, (const unsigned char *)key->name, length,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static int key_parse_seen(const char *text, struct store_user_key *ret_key)
{
    const char *dot = strchr(text, '.');
    char number[20] = "";
    size_t length = dot ? (size_t)(dot - text) : 0;
    if (length < 1 || length >= sizeof number)
        return ERR_BAD_PARAMETER;
    memcpy(number, text, length);
    ret_key->seen_us = -1;
    if (strcmp(number, "n") != 0 && id_parse(number, &ret_key->seen_us) != 0)
        return ERR_BAD_PARAMETER;
    return id_parse(dot + 1, &ret_key->id) == 0 ? 0 : ERR_BAD_PARAMETER;
}

int user_page_after(struct request *request, enum store_user_sort sort, const char *text,
                    struct store_user_key *ret_key)
{
    *ret_key = first_key;
    if (text == NULL)
        return 0;
    if (*text == '\0')
        return ERR_BAD_PARAMETER;
    if (sort == STORE_USERS_BY_CREATION)
        return id_parse(text, &ret_key->id) == 0 ? 0 : ERR_BAD_PARAMETER;
    if (sort == STORE_USERS_BY_SEEN)
        return key_parse_seen(text, ret_key);
    size_t length = strlen(text);
    char *name = arena_alloc(request->arena, length + 1);
    size_t used = 0;
    if (sodium_base642bin((unsigned char *)name, length, text, length, NULL, &used, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        !utf8_valid(name, used))
        return ERR_BAD_PARAMETER;
    name[used] = '\0';
    ret_key->name = name;
    return 0;
}

void user_page_write(struct request *request, const struct store_user_page *page,
                     enum store_user_sort sort, struct buf *lines)
{
    buf_adds(lines, ""); /* a text, also of no lines */
    for (int i = 0; i < page->count; i++) {
        buf_addi(lines, page->users[i].id);
        buf_adds(lines, "\t");
        buf_adds(lines, key_format(request, sort, &page->keys[i]));
        buf_adds(lines, "\t");
        render_user_head(lines, &page->users[i]);
        buf_adds(lines, "\t");
        render_user_tail(lines, &page->users[i]);
        buf_adds(lines, "\n");
    }
}

/* The text up to `end`; *text goes on behind it. False where there is no such end. */
static bool take(const char **text, char end, const char **ret_part, size_t *ret_length)
{
    const char *stop = strchr(*text, end);
    if (stop == NULL)
        return false;
    *ret_part = *text;
    *ret_length = (size_t)(stop - *text);
    *text = stop + 1;
    return true;
}

static bool row_read(const char **text, struct row *ret_row)
{
    char number[20] = "";
    const char *id = NULL;
    size_t length = 0;
    if (!take(text, '\t', &id, &length) || length >= sizeof number ||
        !take(text, '\t', &ret_row->next, &ret_row->next_length) ||
        !take(text, '\t', &ret_row->head, &ret_row->head_length) ||
        !take(text, '\n', &ret_row->tail, &ret_row->tail_length))
        return false;
    memcpy(number, id, length);
    return id_parse(number, &ret_row->id) == 0;
}

/* All rows but the caller's; -1 where these are no lines. */
static int rows_read(const char *lines, int64_t caller, struct row ret_rows[USER_PAGE_MAX])
{
    int count = 0;
    while (*lines != '\0') {
        if (count == USER_PAGE_MAX || !row_read(&lines, &ret_rows[count]))
            return -1;
        if (ret_rows[count].id != caller)
            count++;
    }
    return count;
}

bool user_page_reply(struct request *request, const char *lines, int limit,
                     struct response *response)
{
    struct row rows[USER_PAGE_MAX];
    int64_t ids[USER_PAGE_MAX];
    bool online[USER_PAGE_MAX];
    struct buf *body = &response->body;
    int count = rows_read(lines, request->caller.user_id, rows);
    int shown = count > limit ? limit : count;
    if (count < 0)
        return false;
    for (int i = 0; i < shown; i++)
        ids[i] = rows[i].id;
    online_look(request->worker, request->arena, ids, shown, online);
    buf_adds(body, "{\"users\":[");
    for (int i = 0; i < shown; i++) {
        if (i > 0)
            buf_adds(body, ",");
        buf_add(body, rows[i].head, rows[i].head_length);
        buf_adds(body, online[i] ? "true" : "false");
        buf_add(body, rows[i].tail, rows[i].tail_length);
    }
    buf_adds(body, "],\"next\":");
    if (count > shown)
        buf_addf(body, "\"%.*s\"}", (int)rows[shown - 1].next_length, rows[shown - 1].next);
    else
        buf_adds(body, "null}");
    return true;
}
