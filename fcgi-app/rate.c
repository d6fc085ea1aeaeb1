#include "rate.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"

void rate_init(struct rate *rate, const struct conf *conf, enum rate_class class,
               const char *subject, int64_t now)
{
    const struct {
        const char *name;
        int limit;
        int window_s;
    } classes[] = {
        [RATE_NONE] = {"none", 0, 1},
        [RATE_REGISTER] = {"register", conf->rate_register, 60},
        [RATE_LOGIN] = {"login", conf->rate_login, 60},
        [RATE_ACCOUNT] = {"account", conf->rate_account, 60},
        [RATE_SEND] = {"send", conf->rate_send, 1},
        [RATE_COSTLY] = {"costly", conf->rate_costly, 60},
    };
    const char *name = classes[class].name;
    *rate = (struct rate){
        .class = class, .limit = classes[class].limit, .window_s = classes[class].window_s};
    rate->window = now / rate->window_s;
    rate->left_s = rate->window_s - (int)(now % rate->window_s);
    /* Subjects may be long or odd (names): their hash stands in the key. */
    unsigned char hash[16];
    char text[2 * sizeof hash + 1];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)subject, strlen(subject), NULL, 0);
    sodium_bin2hex(text, sizeof text, hash, sizeof hash);
    snprintf(rate->key, sizeof rate->key, "%sr:%s:%s:%" PRId64, conf->redis_prefix, name, text,
             rate->window);
}

void rate_queue(const struct rate *rate, struct redis *redis)
{
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%d", rate->window_s + 1);
    redis_add(redis, "INCR", rate->key, NULL);
    redis_add(redis, "EXPIRE", rate->key, seconds, NULL);
}

int rate_judge(const struct rate *rate, const struct redis_value *value)
{
    return value->type == REDIS_NUMBER && value->number > rate->limit ? ERR_RATE_LIMITED : 0;
}

void rate_give_back(const struct rate *rate, struct redis *redis)
{
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%d", rate->window_s + 1);
    redis_add(redis, "DECR", rate->key, NULL);
    redis_add(redis, "EXPIRE", rate->key, seconds, NULL);
}

int rate_settle(const struct rate *rate, const struct redis_value *value, struct rate_table *table)
{
    if (value == NULL || value->type != REDIS_NUMBER)
        return rate_take_local(rate, table);
    return rate_judge(rate, value);
}

int rate_take_local(const struct rate *rate, struct rate_table *table)
{
    uint64_t subject = 0;
    if (!table->seeded) {
        randombytes_buf(table->seed, sizeof table->seed);
        table->seeded = true;
    }
    crypto_shorthash((unsigned char *)&subject, (const unsigned char *)rate->key, strlen(rate->key),
                     table->seed);
    struct rate_slot *slot = &table->slots[subject % RATE_SLOTS];
    if (slot->subject != subject)
        *slot = (struct rate_slot){.subject = subject};
    slot->count++;
    return slot->count > (rate->limit + 3) / 4 ? ERR_RATE_LIMITED : 0;
}

int rate_take(const struct rate *rate, struct redis *redis, struct rate_table *table)
{
    struct redis_value values[RATE_COMMANDS];
    rate_queue(rate, redis);
    bool asked = redis_exchange(redis, values, RATE_COMMANDS) == 0;
    return rate_settle(rate, asked ? &values[0] : NULL, table);
}

void rate_address(const char *address, char ret_subject[RATE_ADDRESS_MAX])
{
    struct in6_addr six;
    snprintf(ret_subject, RATE_ADDRESS_MAX, "%s", address);
    if (inet_pton(AF_INET6, address, &six) == 1 && !IN6_IS_ADDR_V4MAPPED(&six)) {
        memset(six.s6_addr + 8, 0, 8);
        inet_ntop(AF_INET6, &six, ret_subject, RATE_ADDRESS_MAX);
    }
}
