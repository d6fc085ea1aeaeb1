/* POST /telegram/webhook: Telegram brings an update. It goes into an inbox, and perch-notifier
 * makes sense of it: what is answered here is only that it is kept. */
#include <json-c/json.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/json_edge.h"
#include "common/log.h"
#include "common/store_telegram.h"
#include "notify.h"
#include "response.h"
#include "worker.h"

enum { DEPTH_MAX = 64 }; /* a message may quote messages */

/* Its id; false for what is no update, or has something in it that we would not take from anybody.
 */
static bool read_id(const struct buf *text, int64_t *ret_id)
{
    struct json_object *update = NULL;
    struct json_object *id = NULL;
    bool good = json_edge_parse(text->data, text->length, DEPTH_MAX, &update) == 0 &&
                json_object_is_type(update, json_type_object) &&
                json_object_object_get_ex(update, "update_id", &id) &&
                json_object_is_type(id, json_type_int);
    if (good)
        *ret_id = json_object_get_int64(id);
    json_object_put(update);
    return good;
}

/* Keeps it; what can never be taken is dropped. */
static int put(const struct request *request, const char *hash)
{
    struct buf text = {0};
    int64_t id = 0;
    int err = 0;
    if (request->raw != NULL)
        json_edge_without_nul(request->raw, request->raw_length, &text);
    if (read_id(&text, &id)) {
        err = store_telegram_webhook(request->worker->pg, hash, id, text.data);
        if (err == 0)
            notify_notifier(request->worker);
    } else {
        log_warn("Telegram brought an update that cannot be read; it is dropped");
    }
    buf_release(&text);
    return err;
}

/* The secret first: strangers must not make us read a mebibyte of JSON. Telegram brings an update
 * again and again until it is taken, and everything else of that chat waits; so what can never be
 * taken is dropped. */
int telegram_webhook(struct request *request, struct response *response)
{
    const char *secret = request_env(request, "HTTP_X_TELEGRAM_BOT_API_SECRET_TOKEN");
    char hash[STORE_TELEGRAM_HASH_MAX];
    if (secret == NULL)
        return ERR_UNAUTHORIZED;
    store_telegram_hash(secret, hash);
    int err = store_telegram_webhook(request->worker->pg, hash, 0, NULL);
    if (err == 0)
        err = put(request, hash);
    if (err == 0)
        response_empty(response);
    return err;
}
