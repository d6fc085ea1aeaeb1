/* GET /health/live: this process answers. GET /health/ready: and can reach what it needs. */
#include "common/err.h"
#include "common/store_event.h"
#include "response.h"
#include "worker.h"

int health_live(struct request *request, struct response *response)
{
    (void)request;
    buf_adds(&response->body, "{\"status\":\"ok\"}");
    return 0;
}

int health_ready(struct request *request, struct response *response)
{
    struct worker *worker = request->worker;
    struct redis_value pong;
    struct store_events none;
    /* Nobody has id 0: "no such account" is PostgreSQL's healthy answer. */
    bool postgresql = store_event_poll(worker->pg, request->arena, 0, 0, &none) == ERR_UNAUTHORIZED;
    redis_add(worker->redis, "PING", NULL);
    bool redis = redis_exchange(worker->redis, &pong, 1) == 0 && pong.type == REDIS_TEXT;
    if (!postgresql || !redis) {
        response->status = 503;
        response->retry_after_s = 1;
    }
    buf_addf(&response->body, "{\"status\":\"%s\",\"postgresql\":%s,\"redis\":%s}",
             postgresql && redis ? "ok" : "unavailable", postgresql ? "true" : "false",
             redis ? "true" : "false");
    return 0;
}
