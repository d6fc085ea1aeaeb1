/* What needs a password hashed, in the auth workers only: POST /accounts, POST /sessions, PUT
 * /me/password, DELETE /me. */
#include <sodium.h>
#include <string.h>

#include "cache.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/store_account.h"
#include "field.h"
#include "gate.h"
#include "online.h"
#include "render.h"
#include "session_cookie.h"
#include "telegram_name.h"
#include "user_key.h"
#include "worker.h"

static int64_t random_id(void)
{
    uint64_t id = 0;
    while (id == 0) {
        randombytes_buf(&id, sizeof id);
        id &= (uint64_t)STORE_ID_MAX;
    }
    return (int64_t)id;
}

/* A session to begin, described as the list of devices shows it. */
static struct store_session_start session_start(const struct request *request)
{
    const char *agent = request_env(request, "HTTP_USER_AGENT");
    const char *address = request_env(request, "REMOTE_ADDR");
    return (struct store_session_start){
        .id = random_id(),
        .days = request->worker->conf->session_days,
        .user_agent = session_agent(request, agent),
        .ip = address ? address : "",
    };
}

/* The reply of a registration or log-in: {"user"} and the cookie, or {"user","token"}. */
static int reply_session(struct request *request, struct response *response, int64_t user_id,
                         int64_t session_id, bool bearer)
{
    struct store_user user;
    char *token = NULL;
    int64_t now = clock_wall_s();
    const struct token_claims claims = {
        .user_id = user_id,
        .session_id = session_id,
        .issued_at = now,
        .expires_at = now + (int64_t)request->worker->conf->session_days * 86400,
    };
    int err = store_user_get(request->worker->pg, request->arena, user_id, &user);
    if (err == 0)
        err = token_sign(request->worker->keys, &claims, &token);
    if (err != 0)
        return err;
    online_look_user(request->worker, &user);
    response->status = 201;
    buf_adds(&response->body, "{\"user\":");
    render_user(&response->body, &user);
    if (bearer) {
        buf_adds(&response->body, ",\"token\":");
        buf_add_json(&response->body, token);
    } else {
        session_cookie_set(request, response, token);
    }
    buf_adds(&response->body, "}");
    free(token);
    return 0;
}

static int hash_new(const struct request *request, const char *password,
                    char ret_hash[PASSWORD_HASH_MAX])
{
    return password_hash(&request->worker->cost, password, strlen(password), ret_hash);
}

/* What password checks of an account are counted by, wherever they are asked for. No folded name
 * begins with a control character, so none is the same text. */
static const char *account_subject(const struct request *request, int64_t user_id)
{
    return arena_printf(request->arena, "\x01%lld", (long long)user_id);
}

int account_create(struct request *request, struct response *response)
{
    const struct conf *conf = request->worker->conf;
    struct store_account_new account = {0};
    const char *password = NULL;
    char hash[PASSWORD_HASH_MAX];
    int64_t user_id = 0;
    int err =
        field_name(request, response, "username", conf->username_max, true, &account.username);
    if (err == 0)
        err = field_text(request, response, "password", conf->password_min, conf->password_max,
                         true, &password);
    if (err == 0)
        err = field_name(request, response, "display_name", USER_DISPLAY_MAX, false,
                         &account.display_name);
    if (err == 0)
        err = telegram_name_field(request, response, &account.telegram, &account.telegram_key);
    if (err == 0)
        err = user_key(request, response, "username", account.username, &account.username_key);
    if (err == 0)
        err = user_search_key(request, account.username, account.display_name, &account.search_key);
    if (err == 0)
        err = hash_new(request, password, hash);
    if (err != 0)
        return err;
    account.password_hash = hash;
    const struct store_session_start session = session_start(request);
    err = store_account_create(request->worker->pg, &account, &session, &user_id);
    if (err == ERR_NAME_TAKEN)
        response->field = "username";
    if (err == ERR_TELEGRAM_TAKEN)
        response->field = "telegram";
    if (err != 0)
        return err;
    cache_users_change(request->worker);
    return reply_session(request, response, user_id, session.id, false);
}

int session_create(struct request *request, struct response *response)
{
    struct worker *worker = request->worker;
    const char *username = NULL;
    const char *password = NULL;
    const char *key = NULL;
    const char *hash = NULL;
    bool bearer = false;
    int64_t user_id = 0;
    int err = field_text(request, response, "username", 0, REQUEST_TEXT_MAX, true, &username);
    if (err == 0)
        err = field_text(request, response, "password", 0, REQUEST_TEXT_MAX, true, &password);
    if (err == 0)
        err = field_flag(request, response, "bearer", &bearer);
    if (err == 0)
        err = user_key_trimmed(request, username, &key);
    if (err == 0)
        err = store_account_credentials(worker->pg, request->arena, key, &user_id, &hash);
    if (err == 0)
        err =
            gate_account(request, response, user_id > 0 ? account_subject(request, user_id) : key);
    if (err != 0)
        return err;
    if (!password_verify(&worker->cost, hash, password, strlen(password)))
        return ERR_BAD_CREDENTIALS;
    const struct store_session_start session = session_start(request);
    err = store_account_log_in(worker->pg, user_id, hash, &session, !bearer);
    return err == 0 ? reply_session(request, response, user_id, session.id, bearer) : err;
}

/* Proves that the caller knows the account's password: ret_hash is what was proved. */
static int prove(struct request *request, struct response *response, const char *field,
                 const char **ret_hash)
{
    struct worker *worker = request->worker;
    const char *password = NULL;
    int err = field_text(request, response, field, 0, REQUEST_TEXT_MAX, true, &password);
    if (err == 0)
        err = gate_account(request, response, account_subject(request, request->caller.user_id));
    if (err == 0)
        err = store_account_hash(worker->pg, request->arena, request->caller.user_id, ret_hash);
    if (err == 0 && !password_verify(&worker->cost, *ret_hash, password, strlen(password))) {
        response->field = field;
        err = ERR_BAD_CREDENTIALS;
    }
    return err;
}

int account_password(struct request *request, struct response *response)
{
    struct worker *worker = request->worker;
    const char *old_hash = NULL;
    const char *password = NULL;
    char new_hash[PASSWORD_HASH_MAX];
    struct store_ids ended;
    int err = field_text(request, response, "new", worker->conf->password_min,
                         worker->conf->password_max, true, &password);
    if (err == 0)
        err = prove(request, response, "current", &old_hash);
    if (err == 0)
        err = hash_new(request, password, new_hash);
    if (err == 0)
        err = store_account_change_password(worker->pg, request->arena, request->caller.user_id,
                                            request->caller.session_id, old_hash, new_hash, &ended);
    if (err != 0)
        return err;
    notify_sessions_end(worker, request->caller.user_id, &ended);
    response_empty(response);
    return 0;
}

int account_delete(struct request *request, struct response *response)
{
    struct worker *worker = request->worker;
    int64_t user_id = request->caller.user_id;
    const char *hash = NULL;
    struct store_ids ended;
    struct store_ids partners;
    struct store_user user;
    int err = prove(request, response, "password", &hash);
    if (err == 0)
        err = store_account_delete(worker->pg, request->arena, user_id, hash, &ended, &partners);
    if (err != 0)
        return err;
    cache_users_change(worker);
    notify_sessions_end(worker, user_id, &ended);
    if (store_user_get(worker->pg, request->arena, user_id, &user) == 0)
        notify_partners(worker, &partners, &user);
    session_cookie_clear(request, response);
    response_empty(response);
    return 0;
}
