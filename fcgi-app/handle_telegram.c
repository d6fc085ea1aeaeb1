/* One's Telegram chat: GET and DELETE /me/telegram, POST /me/telegram/link and /confirm, DELETE
 * /me/telegram/pending. */
#include <inttypes.h>
#include <sodium.h>

#include "common/err.h"
#include "common/store_telegram.h"
#include "field.h"
#include "notify.h"
#include "qr.h"
#include "response.h"
#include "worker.h"

enum {
    CODE_BYTES = 32,
    CODE_VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
    CODE_MAX = sodium_base64_ENCODED_LEN(CODE_BYTES, CODE_VARIANT),
};

/* A bot that is missing now is set up within minutes at best. */
enum { OFF_RETRY_S = 300 };

/* The code is told once, here; what is kept of it gives it away to nobody. */
int telegram_link(struct request *request, struct response *response)
{
    unsigned char bytes[CODE_BYTES];
    char code[CODE_MAX];
    char hash[STORE_TELEGRAM_HASH_MAX];
    struct store_telegram_code stored;
    struct buf *body = &response->body;
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2base64(code, sizeof code, bytes, sizeof bytes, CODE_VARIANT);
    store_telegram_hash(code, hash);
    int err = store_telegram_code_set(request->worker->pg, request->arena, request->caller.user_id,
                                      hash, &stored);
    if (err == ERR_TELEGRAM_OFF)
        response->retry_after_s = OFF_RETRY_S;
    if (err != 0)
        return err;
    const char *url = arena_printf(request->arena, "https://t.me/%s?start=%s", stored.bot, code);
    buf_adds(body, "{\"url\":");
    buf_add_json(body, url);
    buf_adds(body, ",\"code\":");
    buf_add_json(body, code);
    buf_adds(body, ",\"bot\":");
    buf_add_json(body, stored.bot);
    buf_adds(body, ",\"expires_at\":");
    buf_add_json(body, stored.expires_at);
    buf_adds(body, ",\"qr\":");
    err = qr_add(body, url);
    buf_adds(body, "}");
    return err;
}

/* As members of an object. */
static void render_chat(struct buf *body, const struct store_telegram_chat *chat)
{
    buf_adds(body, "\"name\":");
    buf_add_json(body, chat->name);
    buf_adds(body, ",\"username\":");
    buf_add_json(body, chat->username);
}

int telegram_get(struct request *request, struct response *response)
{
    struct store_telegram telegram;
    struct buf *body = &response->body;
    int err =
        store_telegram_get(request->worker->pg, request->arena, request->caller.user_id, &telegram);
    if (err != 0)
        return err;
    buf_addf(body, "{\"linked\":%s,\"blocked\":%s,", telegram.linked ? "true" : "false",
             telegram.blocked ? "true" : "false");
    render_chat(body, &telegram.chat);
    buf_adds(body, ",\"pending\":");
    if (telegram.pending_id != 0) {
        buf_addf(body, "{\"id\":%" PRId64 ",", telegram.pending_id);
        render_chat(body, &telegram.pending);
        buf_adds(body, "}");
    } else {
        buf_adds(body, "null");
    }
    buf_adds(body, ",\"bot\":");
    buf_add_json(body, telegram.bot);
    buf_adds(body, ",\"claim\":");
    buf_add_json(body, telegram.claim);
    buf_adds(body, "}");
    return 0;
}

/* What was changed is told to the devices, and by the notifier to the chat. */
static int changed(struct request *request, struct response *response,
                   const struct store_change *change)
{
    notify_change(request->worker, change);
    notify_notifier(request->worker);
    response_empty(response);
    return 0;
}

int telegram_confirm(struct request *request, struct response *response)
{
    struct store_change change;
    int64_t chat_id = 0;
    int err = field_id(request, response, "id", &chat_id);
    if (err == 0)
        err = store_telegram_confirm(request->worker->pg, request->arena, request->caller.user_id,
                                     chat_id, &change);
    return err != 0 ? err : changed(request, response, &change);
}

int telegram_refuse(struct request *request, struct response *response)
{
    struct store_change change;
    int err = store_telegram_refuse(request->worker->pg, request->arena, request->caller.user_id,
                                    &change);
    return err != 0 ? err : changed(request, response, &change);
}

int telegram_unlink(struct request *request, struct response *response)
{
    struct store_change change;
    int err = store_telegram_unlink(request->worker->pg, request->arena, request->caller.user_id,
                                    &change);
    return err != 0 ? err : changed(request, response, &change);
}
