/* Other people: GET /users and GET /users/{id}. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/utf8.h"
#include "online.h"
#include "render.h"
#include "response.h"
#include "user_key.h"
#include "worker.h"

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

static int key_parse(struct request *request, enum store_user_sort sort, const char *text,
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

static int sort_parse(const char *text, enum store_user_sort *ret_sort)
{
    if (text == NULL || strcmp(text, "name") == 0)
        *ret_sort = STORE_USERS_BY_NAME;
    else if (strcmp(text, "-created") == 0)
        *ret_sort = STORE_USERS_BY_CREATION;
    else if (strcmp(text, "-seen") == 0)
        *ret_sort = STORE_USERS_BY_SEEN;
    else
        return ERR_BAD_PARAMETER;
    return 0;
}

int user_list(struct request *request, struct response *response)
{
    struct store_user_page page;
    struct store_user_key after;
    enum store_user_sort sort = STORE_USERS_BY_NAME;
    const char *part = request_param(request, "q");
    int64_t limit = 0;
    struct buf *body = &response->body;
    int err = request_param_int(request, "limit", 1, STORE_PAGE_MAX, 50, &limit);
    if (err == 0)
        err = sort_parse(request_param(request, "sort"), &sort);
    if (err == 0)
        err = key_parse(request, sort, request_param(request, "after"), &after);
    if (err == 0 && part != NULL)
        err = user_key_trimmed(request, part, &part);
    if (err == 0)
        err = store_user_list(request->worker->pg, request->arena, request->caller.user_id, part,
                              sort, &after, (int)limit + 1, &page);
    if (err != 0)
        return err;
    /* One row more than asked for tells whether there is a next page. */
    int shown = page.count > limit ? (int)limit : page.count;
    struct store_user **users = arena_alloc(request->arena, (size_t)shown * sizeof *users);
    for (int i = 0; i < shown; i++)
        users[i] = &page.users[i];
    online_look_users(request->worker, request->arena, users, shown);
    buf_adds(body, "{\"users\":[");
    for (int i = 0; i < shown; i++) {
        if (i > 0)
            buf_adds(body, ",");
        render_user(body, &page.users[i]);
    }
    buf_adds(body, "],\"next\":");
    buf_add_json(body,
                 page.count > shown ? key_format(request, sort, &page.keys[shown - 1]) : NULL);
    buf_adds(body, "}");
    return 0;
}

int user_get(struct request *request, struct response *response)
{
    struct store_user user;
    int err = store_user_get(request->worker->pg, request->arena, request->path_id, &user);
    if (err != 0)
        return err;
    online_look_user(request->worker, &user);
    buf_adds(&response->body, "{\"user\":");
    render_user(&response->body, &user);
    buf_adds(&response->body, "}");
    return 0;
}
