/* Where one is logged in: GET and DELETE on /sessions. */
#include "common/err.h"
#include "common/store_session.h"
#include "gate.h"
#include "response.h"
#include "session_cookie.h"
#include "worker.h"

int session_list(struct request *request, struct response *response)
{
    struct store_session_list list;
    struct buf *body = &response->body;
    int err =
        store_session_list(request->worker->pg, request->arena, request->caller.user_id, &list);
    if (err != 0)
        return err;
    buf_adds(body, "{\"sessions\":[");
    for (int i = 0; i < list.count; i++) {
        const struct store_session *session = &list.sessions[i];
        buf_addf(body, "%s{\"id\":", i > 0 ? "," : "");
        buf_addi(body, session->id);
        buf_adds(body, ",\"created_at\":");
        buf_add_json(body, session->created_at);
        buf_adds(body, ",\"last_seen_at\":");
        buf_add_json(body, session->last_seen_at);
        buf_adds(body, ",\"user_agent\":");
        buf_add_json(body, session->user_agent);
        buf_adds(body, ",\"ip\":");
        buf_add_json(body, session->ip);
        buf_addf(body, ",\"current\":%s}",
                 session->id == request->caller.session_id ? "true" : "false");
    }
    buf_adds(body, "]}");
    return 0;
}

static int end_one(struct request *request, struct response *response, int64_t session_id)
{
    struct store_ids ended = {.count = 1, .ids = &session_id};
    int err = store_session_end(request->worker->pg, request->caller.user_id, session_id);
    if (err != 0)
        return err;
    notify_sessions_end(request->worker, request->caller.user_id, &ended);
    if (session_id == request->caller.session_id)
        session_cookie_clear(request, response);
    response_empty(response);
    return 0;
}

int session_end_current(struct request *request, struct response *response)
{
    return end_one(request, response, request->caller.session_id);
}

int session_end(struct request *request, struct response *response)
{
    return end_one(request, response, request->path_id);
}

int session_end_others(struct request *request, struct response *response)
{
    struct store_ids ended;
    int err = store_session_end_others(request->worker->pg, request->arena, request->caller.user_id,
                                       request->caller.session_id, &ended);
    if (err != 0)
        return err;
    notify_sessions_end(request->worker, request->caller.user_id, &ended);
    response_empty(response);
    return 0;
}
