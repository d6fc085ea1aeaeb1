#include "button.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BUTTON_MINUTES_DIGITS = 6 };

static const char button_digits[] = "0123456789";
static const char button_offer_letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

struct button button_mute(int minutes)
{
    return (struct button){.kind = BUTTON_MUTE, .minutes = minutes};
}

struct button button_offer(const char *offer)
{
    struct button button = {.kind = BUTTON_OFFER};

    snprintf(button.offer, sizeof button.offer, "%s", offer);
    return button;
}

struct button button_read(const char *data)
{
    const char *rest = data + 1;
    size_t length = data[0] != '\0' ? strlen(rest) : 0;

    if (length > 0 && length <= BUTTON_MINUTES_DIGITS && data[0] == 'm' && rest[0] != '0' &&
        strspn(rest, button_digits) == length)
        return button_mute((int)strtol(rest, NULL, 10));
    if (length > 0 && length <= BUTTON_OFFER_MAX && data[0] == 'o' &&
        strspn(rest, button_offer_letters) == length)
        return button_offer(rest);
    return (struct button){.kind = BUTTON_UNKNOWN};
}

void button_row_begin(struct buf *json)
{
    buf_adds(json, ",\"reply_markup\":{\"inline_keyboard\":[[");
}

static void button_add_label(struct buf *json, const char *label)
{
    buf_adds(json, json->data[json->length - 1] == '}' ? ",{\"text\":" : "{\"text\":");
    buf_add_json(json, label);
}

void button_add(struct buf *json, const char *label, const struct button *button)
{
    button_add_label(json, label);
    if (button->kind == BUTTON_MUTE)
        buf_addf(json, ",\"callback_data\":\"m%d\"}", button->minutes);
    else
        buf_addf(json, ",\"callback_data\":\"o%s\"}", button->offer);
}

void button_add_url(struct buf *json, const char *label, const char *url)
{
    button_add_label(json, label);
    buf_adds(json, ",\"url\":");
    buf_add_json(json, url);
    buf_adds(json, "}");
}

void button_row_end(struct buf *json)
{
    buf_adds(json, "]]}");
}

/* The last part of a host's name, which `end` is behind. */
static bool button_domain_public(const char *domain, size_t length)
{
    static const char *const private[] = {
        "localhost", "local",   "localdomain", "internal", "intranet", "lan",     "home",
        "corp",      "private", "test",        "invalid",  "onion",    "example", "arpa"};

    if (length < 2 || strspn(domain, "0123456789") > 0)
        return false;
    for (size_t i = 0; i < sizeof private / sizeof private[0]; i++)
        if (strlen(private[i]) == length && strncasecmp(domain, private[i], length) == 0)
            return false;
    return true;
}

bool button_url_fits(const char *url)
{
    static const char scheme[] = "https://";
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    const char *host, *end, *dot;

    if (url == NULL || strncasecmp(url, scheme, strlen(scheme)) != 0)
        return false;
    host = url + strlen(scheme);
    end = host + strspn(host, letters);
    if (*end != '\0' && strchr(":/?#", *end) == NULL)
        return false;
    dot = memrchr(host, '.', (size_t)(end - host));
    return dot != NULL && dot > host && button_domain_public(dot + 1, (size_t)(end - dot - 1));
}
