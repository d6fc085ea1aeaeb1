#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>

#include "load.h"

static const char usage[] =
    "usage: perch-load MODE --port N --users FILE [--host ADDRESS] [--server perch|nchan]\n"
    "                  [--clients N] [--seconds N] [--warm-up N] [--waiting N] [--rate N]\n"
    "send: closed loop; prints sends per second.\n"
    "ask:  closed loop of the users' own requests; prints requests per second.\n"
    "wake: the first --waiting users poll, the others send --rate messages a second to them, by\n"
    "      the clock; prints the time from when a send was due to the waiting poll's reply. When\n"
    "      all polls wait it prints 'waiting' and goes on at the next line (or end) of its input.\n"
    "keep: the first --waiting users poll and come back whatever happens, as the page does; "
    "prints\n"
    "      'waiting', goes on at the next line, and ends with the input or after --seconds.\n"
    "FILE: lines '<user id> <session token>', for ask ' <path>' and perhaps ' <json>' behind it.\n"
    "nchan: polls GET /sub/<user id> and sends POST /pub/<user id>.\n";

void load_die(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    fputs("perch-load: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(1);
}

int64_t load_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* xorshift; the low bias of the modulus does not matter here. */
uint32_t load_random(uint32_t below)
{
    static uint64_t state = UINT64_C(88172645463325252);

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % below;
}

void load_times_add(struct load_times *times, int64_t ns)
{
    if (times->count == times->size) {
        times->size = times->size ? times->size * 2 : 4096;
        times->us = realloc(times->us, times->size * sizeof *times->us);
        if (!times->us)
            load_die("out of memory");
    }
    times->us[times->count++] = (uint32_t)(ns / 1000);
}

static int us_compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

void load_times_print(struct load_times *times)
{
    static const struct {
        const char *name;
        size_t per_mille;
    } points[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"max", 1000}};

    if (times->count > 0)
        qsort(times->us, times->count, sizeof *times->us, us_compare);
    printf("{\"count\":%zu", times->count);
    for (size_t i = 0; times->count > 0 && i < sizeof points / sizeof *points; i++) {
        size_t place = times->count * points[i].per_mille / 1000;

        if (place >= times->count)
            place = times->count - 1;
        printf(",\"%s\":%.3f", points[i].name, times->us[place] / 1000.0);
    }
    printf("}");
}

static void users_read(struct load_options *options, const char *name)
{
    FILE *file = fopen(name, "re");
    char line[2048], token[1024], path[512], json[512];
    int64_t id;
    int size = 0, fields;

    if (!file)
        load_die("%s: %s", name, strerror(errno));
    while (fgets(line, sizeof line, file)) {
        fields = sscanf(line, "%" SCNd64 " %1023s %511s %511s", &id, token, path, json);
        if (fields < 2)
            load_die("%s: not '<user id> <token>': %.60s", name, line);
        if (options->user_count == size) {
            size = size ? size * 2 : 1024;
            options->users = realloc(options->users, (size_t)size * sizeof *options->users);
            if (!options->users)
                load_die("out of memory");
        }
        options->users[options->user_count++] =
            (struct load_user){.id = id,
                               .token = strdup(token),
                               .path = fields > 2 ? strdup(path) : NULL,
                               .json = fields > 3 ? strdup(json) : NULL};
    }
    fclose(file);
}

static int number(const char *text, int min)
{
    char *end;
    long value = strtol(text, &end, 10);

    if (*end != '\0' || value < min || value > 10000000)
        load_die("not a number from %d to 10000000: %s", min, text);
    return (int)value;
}

static void options_read(int argc, char **argv, struct load_options *options)
{
    static const struct option names[] = {
        {"host", 1, NULL, 'h'},    {"port", 1, NULL, 'p'},    {"server", 1, NULL, 'v'},
        {"users", 1, NULL, 'u'},   {"clients", 1, NULL, 'c'}, {"seconds", 1, NULL, 's'},
        {"warm-up", 1, NULL, 'm'}, {"waiting", 1, NULL, 'w'}, {"rate", 1, NULL, 'r'},
        {"help", 0, NULL, '?'},    {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (option) {
        case 'h':
            options->host = optarg;
            break;
        case 'p':
            options->port = number(optarg, 1);
            break;
        case 'u':
            users_read(options, optarg);
            break;
        case 'v':
            options->server = strcmp(optarg, "nchan") == 0 ? LOAD_NCHAN : LOAD_PERCH;
            break;
        case 'c':
            options->clients = number(optarg, 1);
            break;
        case 's':
            options->seconds = number(optarg, 1);
            break;
        case 'm':
            options->warm_up = number(optarg, 0);
            break;
        case 'w':
            options->waiting = number(optarg, 0);
            break;
        case 'r':
            options->rate = number(optarg, 1);
            break;
        default:
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (options->port == 0 || options->user_count < options->waiting + 2)
        load_die("--port and --users are needed, and two more users than wait");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(const struct load_options *options);
    } modes[] = {{"ask", load_ask_run},
                 {"keep", load_keep_run},
                 {"send", load_send_run},
                 {"wake", load_wake_run}};
    struct load_options options = {
        .host = "127.0.0.1", .clients = 8, .seconds = 5, .warm_up = 1, .rate = 200};
    struct rlimit files;

    options_read(argc, argv, &options);
    if (getrandom(&options.run, sizeof options.run, 0) != sizeof options.run ||
        getrlimit(RLIMIT_NOFILE, &files) < 0)
        load_die("%s", strerror(errno));
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        load_die("setrlimit: %s", strerror(errno));

    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (optind < argc && strcmp(argv[optind], modes[i].name) == 0) {
            modes[i].run(&options);
            return 0;
        }
    }
    load_die("say which mode\n%s", usage);
}
