/* Messages: history and sending in a dialog, PATCH and DELETE /messages/{id}, GET /search. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cache.h"
#include "common/err.h"
#include "common/store_message.h"
#include "common/utf8.h"
#include "field.h"
#include "render.h"
#include "uuid.h"
#include "worker.h"

enum { BODY_MAX = 4096, QUERY_MAX = 256 };

/* In the order of the page or in reverse; `next` is the id beyond which the next page begins. */
static void render_page(struct buf *body, const struct store_message_page *page, int limit,
                        bool reverse)
{
    int shown = page->count > limit ? limit : page->count;
    buf_adds(body, "{\"messages\":[");
    for (int i = 0; i < shown; i++) {
        if (i > 0)
            buf_adds(body, ",");
        buf_adds(body, page->messages[reverse ? shown - 1 - i : i].json);
    }
    buf_adds(body, "],\"next\":");
    if (page->count > shown)
        buf_addf(body, "\"%lld\"", (long long)page->messages[shown - 1].id);
    else
        buf_adds(body, "null");
    buf_adds(body, "}");
}

/* The page just newer than a message; such pages are not kept. */
static int history_newer(struct request *request, int limit, int64_t after,
                         struct response *response)
{
    struct store_message_page page;
    int err =
        store_message_history_newer(request->worker->pg, request->arena, request->caller.user_id,
                                    request->path_id, after, limit + 1, &page);
    if (err == 0)
        render_page(&response->body, &page, limit, false);
    return err;
}

int message_history(struct request *request, struct response *response)
{
    struct store_message_page page;
    struct cache_entry kept = {.version = ""};
    int64_t limit = 0;
    int64_t before = 0;
    int64_t after = 0;
    int err = request_param_int(request, "limit", 1, STORE_PAGE_MAX, CACHE_HISTORY_LIMIT, &limit);
    if (err == 0)
        err = request_param_int(request, "before", 1, STORE_ID_MAX, STORE_ID_MAX, &before);
    if (err == 0)
        err = request_param_int(request, "after", 1, STORE_ID_MAX, 0, &after);
    if (err == 0 && after > 0)
        return request_param(request, "before") != NULL
                   ? ERR_BAD_PARAMETER
                   : history_newer(request, (int)limit, after, response);
    if (err == 0 && before == STORE_ID_MAX)
        cache_history_find(request, limit, &kept);
    if (err == 0)
        err = store_message_history(request->worker->pg, request->arena, request->caller.user_id,
                                    request->path_id, before, (int)limit + 1, kept.version, &page);
    if (err != 0)
        return err;
    if (page.known) {
        buf_adds(&response->body, kept.text);
    } else {
        render_page(&response->body, &page, (int)limit, true);
        if (page.count > 0)
            cache_keep(request->worker, &kept, page.version, &response->body);
    }
    return 0;
}

/* The text of a message: 1 to 4096 characters, something to see among them. */
static int read_body(const struct request *request, struct response *response,
                     const char **ret_body)
{
    const char *body = NULL;
    int err = field_text(request, response, "body", 1, BODY_MAX, true, &body);
    if (err == 0 && utf8_blank(body, strlen(body)))
        err = response_invalid(response, "body");
    if (err == 0)
        *ret_body = body;
    return err;
}

static void reply_message(struct response *response, int status, const struct store_change *change)
{
    response->status = status;
    buf_addf(&response->body, "{\"message\":%s}", change->result);
}

int message_send(struct request *request, struct response *response)
{
    const char *client_id = NULL;
    const char *body = NULL;
    struct store_change change;
    int err = field_text(request, response, "client_id", 0, 64, false, &client_id);
    if (err == 0 && client_id != NULL && !uuid_valid(client_id))
        err = response_invalid(response, "client_id");
    if (err == 0)
        err = read_body(request, response, &body);
    if (err == 0)
        err = store_message_send(request->worker->pg, request->arena, request->caller.user_id,
                                 request->path_id, client_id, body, &change);
    if (err == ERR_CLIENT_ID_USED)
        response->field = "client_id";
    if (err != 0)
        return err;
    notify_change(request->worker, &change);
    reply_message(response, change.repeat ? 200 : 201, &change);
    return 0;
}

int message_edit(struct request *request, struct response *response)
{
    const char *body = NULL;
    struct store_change change;
    int err = read_body(request, response, &body);
    if (err == 0)
        err = store_message_edit(request->worker->pg, request->arena, request->caller.user_id,
                                 request->path_id, body, &change);
    if (err != 0)
        return err;
    notify_change(request->worker, &change);
    reply_message(response, 200, &change);
    return 0;
}

int message_delete(struct request *request, struct response *response)
{
    struct store_change change;
    int err = store_message_delete(request->worker->pg, request->arena, request->caller.user_id,
                                   request->path_id, &change);
    if (err != 0)
        return err;
    notify_change(request->worker, &change);
    response_empty(response);
    return 0;
}

int message_search(struct request *request, struct response *response)
{
    struct store_message_page page;
    const char *text = request_param(request, "q");
    int64_t limit = 0;
    int64_t peer_id = 0;
    int64_t before = 0;
    if (text == NULL || utf8_blank(text, strlen(text)) ||
        utf8_count(text, strlen(text)) > QUERY_MAX)
        return ERR_BAD_PARAMETER;
    int err = request_param_int(request, "limit", 1, STORE_PAGE_MAX, 50, &limit);
    if (err == 0)
        err = request_param_int(request, "peer", 1, STORE_ID_MAX, 0, &peer_id);
    if (err == 0)
        err = request_param_int(request, "after", 1, STORE_ID_MAX, STORE_ID_MAX, &before);
    if (err == 0)
        err = store_message_search(request->worker->pg, request->arena, request->caller.user_id,
                                   text, peer_id, before, (int)limit + 1, &page);
    if (err == 0)
        render_page(&response->body, &page, (int)limit, false);
    return err;
}
