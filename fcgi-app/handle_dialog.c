/* Dialogs: GET /dialogs, PUT /dialogs/{peer}/read and /mute, POST /dialogs/{peer}/typing. */
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/store_dialog.h"
#include "field.h"
#include "online.h"
#include "render.h"
#include "rfc3339.h"
#include "worker.h"

static void render_dialog(struct buf *body, const struct store_dialog *dialog)
{
    buf_adds(body, "{\"peer\":");
    render_user(body, &dialog->peer);
    buf_adds(body, ",\"last_message\":");
    buf_adds(body, dialog->last_message);
    buf_addf(body, ",\"unread\":%d,\"read_upto\":", dialog->unread);
    render_id(body, dialog->read_upto);
    buf_adds(body, ",\"peer_read_upto\":");
    render_id(body, dialog->peer_read_upto);
    buf_adds(body, ",\"muted_until\":");
    buf_adds(body, dialog->muted_until);
    buf_adds(body, "}");
}

int dialog_list(struct request *request, struct response *response)
{
    struct store_dialog_page page;
    int64_t limit = 0;
    int64_t after = 0;
    struct buf *body = &response->body;
    int err = request_param_int(request, "limit", 1, STORE_PAGE_MAX, 50, &limit);
    if (err == 0)
        err = request_param_int(request, "after", 1, STORE_ID_MAX, STORE_ID_MAX, &after);
    if (err == 0)
        err = store_dialog_list(request->worker->pg, request->arena, request->caller.user_id, after,
                                (int)limit + 1, &page);
    if (err != 0)
        return err;
    int shown = page.count > limit ? (int)limit : page.count;
    struct store_user **peers = arena_alloc(request->arena, (size_t)shown * sizeof *peers);
    for (int i = 0; i < shown; i++)
        peers[i] = &page.dialogs[i].peer;
    online_look_users(request->worker, request->arena, peers, shown);
    buf_adds(body, "{\"dialogs\":[");
    for (int i = 0; i < shown; i++) {
        if (i > 0)
            buf_adds(body, ",");
        render_dialog(body, &page.dialogs[i]);
    }
    buf_adds(body, "],\"next\":");
    if (page.count > shown)
        buf_addf(body, "\"%lld\"", (long long)page.dialogs[shown - 1].last_message_id);
    else
        buf_adds(body, "null");
    buf_addf(body, ",\"cursor\":\"%s-%lld\"}", page.epoch, (long long)page.seq);
    return 0;
}

int dialog_read(struct request *request, struct response *response)
{
    struct store_change change;
    int64_t upto = 0;
    int err = field_id(request, response, "upto", &upto);
    if (err == 0)
        err = store_dialog_read(request->worker->pg, request->arena, request->caller.user_id,
                                request->path_id, upto, &change);
    if (err == ERR_INVALID)
        response->field = "upto";
    if (err != 0)
        return err;
    notify_change(request->worker, &change);
    response_empty(response);
    return 0;
}

int dialog_mute(struct request *request, struct response *response)
{
    struct store_change change;
    const char *until = NULL;
    if (!field_present(request, "until"))
        return response_invalid(response, "until");
    int err = field_text(request, response, "until", 1, 64, false, &until);
    if (err != 0)
        return err;
    if (until != NULL && strcmp(until, "forever") == 0)
        until = "infinity";
    else if (until != NULL && !rfc3339_valid(until))
        return response_invalid(response, "until");
    err = store_dialog_mute(request->worker->pg, request->arena, request->caller.user_id,
                            request->path_id, until, &change);
    if (err != 0)
        return err;
    notify_change(request->worker, &change);
    response_empty(response);
    return 0;
}

/* Told only to somebody who has a dialog with the caller, so that nobody is disturbed by strangers;
 * the caller cannot tell the difference. */
int dialog_typing(struct request *request, struct response *response)
{
    int64_t user_id = request->caller.user_id;
    bool known = false;
    int err = store_dialog_known(request->worker->pg, user_id, request->path_id, &known);
    if (err != 0)
        return err;
    if (known && request->path_id != user_id)
        notify_typing(request->worker, user_id, request->path_id);
    response_empty(response);
    return 0;
}
