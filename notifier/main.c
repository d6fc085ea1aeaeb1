/* perch-notifier: tells people on Telegram what they missed. */
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "common/conf.h"
#include "common/log.h"
#include "dead_letters.h"
#include "notifier.h"
#include "webhook.h"

static void usage(void)
{
    puts("Usage: perch-notifier [-t | --check-sql | --help | --version]\n"
         "       perch-notifier dead-letters [list | redrive ID... | redrive all]\n"
         "\n"
         "Tells people on Telegram about messages that came while they were away. Runs in the\n"
         "foreground, logs to standard error. TERM ends it. Of several notifiers one works; the\n"
         "others stand by.\n"
         "\n"
         "  -t, --test      check the configuration and the connections, then exit\n"
         "  --check-sql     prepare every SQL statement against the database, then exit\n"
         "  --help          show this text\n"
         "  --version       show the version\n"
         "  dead-letters    show what Telegram refused for good, and why, or send it again\n"
         "\n"
         "Configuration, by environment variables (those of perch-fcgi are in the same table):\n");
    conf_print(stdout);
    puts("\nSee perch-notifier(8).");
}

enum action { RUN, CHECK_ALL, CHECK_SQL, DEAD_LETTERS };

/* What the command line wants; exits for --help, --version and mistakes. */
static enum action parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"test", no_argument, NULL, 't'},
        {"check-sql", no_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    enum action action = RUN;
    int option;
    while ((option = getopt_long(argc, argv, "t", options, NULL)) != -1) {
        if (option == 't' || option == 's') {
            action = option == 't' ? CHECK_ALL : CHECK_SQL;
        } else if (option == 'h') {
            usage();
            exit(0);
        } else if (option == 'v') {
            puts("perch-notifier " PACKAGE_VERSION);
            exit(0);
        } else {
            fputs("Try 'perch-notifier --help'.\n", stderr);
            exit(1);
        }
    }
    if (optind < argc && strcmp(argv[optind], "dead-letters") == 0)
        return DEAD_LETTERS;
    if (optind < argc) {
        fprintf(stderr, "perch-notifier knows no command '%s'.\nTry 'perch-notifier --help'.\n",
                argv[optind]);
        exit(1);
    }
    return action;
}

/* What conf.def cannot say. */
static bool conf_is_good(const struct conf *conf, enum log_level *ret_level)
{
    const char *preview = conf->telegram_preview_max;
    if (log_level_parse(conf->log_level, ret_level) != 0) {
        log_error("PERCH_LOG_LEVEL=%s: use error, warn, info or debug", conf->log_level);
        return false;
    }
    if (strcmp(preview, "full") != 0 && strcmp(preview, "sender") != 0 &&
        strcmp(preview, "off") != 0) {
        log_error("PERCH_TELEGRAM_PREVIEW_MAX=%s: use full, sender or off", preview);
        return false;
    }
    return webhook_check(conf) == 0;
}

int main(int argc, char **argv)
{
    struct conf conf;
    enum log_level level = LOG_LEVEL_INFO;
    enum action action = parse(argc, argv);
    log_open("notifier", level);
    if (sodium_init() < 0 || conf_load(&conf) != 0 || !conf_is_good(&conf, &level))
        return 1;
    log_open("notifier", level);
    if (action == DEAD_LETTERS)
        return dead_letters_main(&conf, argc - optind - 1, argv + optind + 1);
    if (action == CHECK_SQL)
        return check_sql(&conf) ? 0 : 1;
    if (action == CHECK_ALL)
        return check_all(&conf) ? 0 : 1;
    return notifier_run(&conf) == 0 ? 0 : 1;
}
