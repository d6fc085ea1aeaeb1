/* One's own account: GET and PATCH /me. */
#include <ctype.h>
#include <string.h>

#include "cache.h"
#include "common/err.h"
#include "field.h"
#include "online.h"
#include "render.h"
#include "telegram_name.h"
#include "user_key.h"
#include "worker.h"

int me_get(struct request *request, struct response *response)
{
    struct store_user user;
    struct store_settings settings;
    int err = store_user_me(request->worker->pg, request->arena, request->caller.user_id, &user,
                            &settings);
    if (err != 0)
        return err;
    online_look_user(request->worker, &user);
    render_me(&response->body, &user, &settings);
    return 0;
}

/* The store wants one flat object of what changes (perch.update_me). */
static void put(struct json_object *fields, const char *key, const char *text)
{
    json_object_object_add(fields, key, text ? json_object_new_string(text) : NULL);
}

static int read_names(struct request *request, struct response *response,
                      struct json_object *fields)
{
    const char *display_name = NULL;
    const char *search_key = NULL;
    const char *telegram = NULL;
    const char *telegram_key = NULL;
    struct store_user user;
    struct store_settings settings;
    int err = field_name(request, response, "display_name", USER_DISPLAY_MAX, false, &display_name);
    if (err == 0)
        err = telegram_name_field(request, response, &telegram, &telegram_key);
    if (err == 0 && field_present(request, "display_name")) {
        /* User names never change, so this one cannot be stale. */
        err = store_user_me(request->worker->pg, request->arena, request->caller.user_id, &user,
                            &settings);
        if (err == 0)
            err = user_search_key(request, user.username, display_name, &search_key);
        put(fields, "display_name", display_name);
        put(fields, "search_key", search_key);
    }
    if (err == 0 && field_present(request, "telegram")) {
        put(fields, "telegram", telegram);
        put(fields, "telegram_key", telegram_key);
    }
    return err;
}

/* Only what a time zone's name may contain. PostgreSQL, which knows the names, would also take
 * POSIX formulas such as "Mars/Base+3": digits and '+' stand in the names of Etc/GMT+12 to
 * Etc/GMT-14 only. */
static bool is_zone_name(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_/-";
    if (strncmp(name, "Etc/GMT", 7) == 0)
        return strspn(name + 7, "+-0123456789") == strlen(name + 7);
    return isalpha((unsigned char)name[0]) && strspn(name, letters) == strlen(name);
}

static int read_settings(struct request *request, struct response *response,
                         struct json_object *fields)
{
    static const char *const locales[] = {"en", "ru", NULL};
    const char *locale = NULL;
    const char *zone = NULL;
    int err = field_choice(request, response, "locale", locales, &locale);
    if (err == 0 && field_present(request, "time_zone"))
        err = field_text(request, response, "time_zone", 1, 64, true, &zone);
    if (err == 0 && zone != NULL && !is_zone_name(zone))
        err = response_invalid(response, "time_zone");
    if (err == 0 && locale != NULL)
        put(fields, "locale", locale);
    if (err == 0 && zone != NULL)
        put(fields, "time_zone", zone);
    return err;
}

/* "HH:MM", 00:00 to 23:59. */
static bool is_time_of_day(const char *text)
{
    return strlen(text) == 5 && strspn(text, "0123456789") == 2 && text[2] == ':' &&
           strspn(text + 3, "0123456789") == 2 && strncmp(text, "24", 2) < 0 && text[3] < '6';
}

/* quiet_from and quiet_to come together, both times or both null. */
static int read_quiet(struct request *request, struct response *response,
                      struct json_object *fields)
{
    const char *from = NULL;
    const char *to = NULL;
    bool given = field_present(request, "quiet_from");
    if (given != field_present(request, "quiet_to"))
        return response_invalid(response, given ? "quiet_to" : "quiet_from");
    if (!given)
        return 0;
    int err = field_text(request, response, "quiet_from", 0, 5, false, &from);
    if (err == 0)
        err = field_text(request, response, "quiet_to", 0, 5, false, &to);
    if (err != 0)
        return err;
    if (from != NULL && !is_time_of_day(from))
        return response_invalid(response, "quiet_from");
    if ((to == NULL) != (from == NULL) || (to != NULL && !is_time_of_day(to)))
        return response_invalid(response, "quiet_to");
    put(fields, "quiet_from", from);
    put(fields, "quiet_to", to);
    return 0;
}

/* The members of "notify", read as if they were the body. */
static int read_notify(struct request *request, struct response *response,
                       struct json_object *fields)
{
    static const char *const previews[] = {"off", "sender", "full", NULL};
    struct json_object *notify = NULL;
    struct json_object *delay = NULL;
    const char *preview = NULL;
    if (!json_object_object_get_ex(request->body, "notify", &notify))
        return 0;
    if (!json_object_is_type(notify, json_type_object))
        return response_invalid(response, "notify");
    struct request inner = *request;
    inner.body = notify;
    int err = field_choice(&inner, response, "preview", previews, &preview);
    if (err == 0)
        err = read_quiet(&inner, response, fields);
    if (err == 0 && json_object_object_get_ex(notify, "delay_s", &delay)) {
        int64_t seconds =
            json_object_is_type(delay, json_type_int) ? json_object_get_int64(delay) : -1;
        if (seconds < 0 || seconds > 900)
            return response_invalid(response, "delay_s");
        json_object_object_add(fields, "delay_s", json_object_new_int64(seconds));
    }
    if (err == 0 && preview != NULL)
        put(fields, "preview", preview);
    return err;
}

/* Partners see the new name at once. */
static void tell_partners(struct request *request, const struct store_user *user)
{
    struct store_ids partners;
    if (store_user_partners(request->worker->pg, request->arena, user->id, &partners) == 0)
        notify_partners(request->worker, &partners, user);
}

int me_update(struct request *request, struct response *response)
{
    struct worker *worker = request->worker;
    struct json_object *fields = json_object_new_object();
    struct store_change change;
    struct store_user user;
    struct store_settings settings;
    int err = read_names(request, response, fields);
    if (err == 0)
        err = read_settings(request, response, fields);
    if (err == 0)
        err = read_notify(request, response, fields);
    if (err == 0)
        err = store_user_update(worker->pg, request->arena, request->caller.user_id,
                                json_object_to_json_string_ext(fields, JSON_C_TO_STRING_PLAIN),
                                &change);
    if (err == ERR_TELEGRAM_TAKEN)
        response->field = "telegram";
    if (err == ERR_INVALID && response->field == NULL)
        response->field = "time_zone";
    if (err != 0)
        goto out;
    notify_change(worker, &change);
    if (field_present(request, "display_name"))
        cache_users_change(worker);
    err = store_user_me(worker->pg, request->arena, request->caller.user_id, &user, &settings);
    if (err != 0)
        goto out;
    online_look_user(worker, &user);
    if (change.wake_count > 0 && field_present(request, "display_name"))
        tell_partners(request, &user);
    render_me(&response->body, &user, &settings);
out:
    json_object_put(fields);
    return err;
}
