/* Other people: GET /users and GET /users/{id}. */
#include <string.h>

#include "cache.h"
#include "common/err.h"
#include "online.h"
#include "render.h"
#include "user_key.h"
#include "user_page.h"
#include "worker.h"

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

/* What a list is asked for. */
struct list_query {
    const char *part; /* NULL: everybody */
    enum store_user_sort sort;
    struct store_user_key after;
    int64_t limit;
    bool first; /* of everybody, in an order that changes rarely: the same for all callers */
};

static int list_query_read(struct request *request, struct list_query *ret_query)
{
    const char *after = request_param(request, "after");
    struct list_query query = {.part = request_param(request, "q")};
    int err = request_param_int(request, "limit", 1, STORE_PAGE_MAX, 50, &query.limit);
    if (err == 0)
        err = sort_parse(request_param(request, "sort"), &query.sort);
    if (err == 0)
        err = user_page_after(request, query.sort, after, &query.after);
    query.first = query.part == NULL && after == NULL && query.sort != STORE_USERS_BY_SEEN;
    if (err == 0 && query.part != NULL)
        err = user_key_trimmed(request, query.part, &query.part);
    if (err == 0)
        *ret_query = query;
    return err;
}

int user_list(struct request *request, struct response *response)
{
    struct list_query query;
    struct store_user_page page;
    struct cache_entry kept = {.key = ""};
    struct buf lines = {0};
    int err = list_query_read(request, &query);
    if (err == 0 && query.first)
        cache_users_find(request, query.sort, query.limit, &kept);
    if (err == 0 && kept.text != NULL &&
        user_page_reply(request, kept.text, (int)query.limit, response))
        return 0;
    if (err == 0)
        err = store_user_list(request->worker->pg, request->arena, query.part, query.sort,
                              &query.after, (int)query.limit + USER_PAGE_SPARE, &page);
    if (err != 0)
        return err;
    user_page_write(request, &page, query.sort, &lines);
    cache_keep(request->worker, &kept, kept.version, &lines);
    if (!user_page_reply(request, lines.data, (int)query.limit, response))
        err = ERR_INTERNAL;
    buf_release(&lines);
    return err;
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
