/* perch-fcgi: read the configuration, then be the master. */
#include <bsd/unistd.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/log.h"
#include "handover.h"
#include "master.h"

static void usage(void)
{
    puts("Usage: perch-fcgi [-t | --check-sql | --help | --version]\n"
         "\n"
         "Serves Perch's HTTP interface to a web server over FastCGI. Runs in the foreground,\n"
         "logs to standard error. TERM ends it gracefully, HUP changes over to the program\n"
         "that then lies in its place, and to the key file as it is then.\n"
         "\n"
         "  -t, --test      check the configuration and the connections, then exit\n"
         "  --check-start   check what HUP checks before it changes over, then exit\n"
         "  --check-sql     prepare every SQL statement against the database, then exit\n"
         "  --help          show this text\n"
         "  --version       show the version\n"
         "\n"
         "Configuration, by environment variables:\n");
    conf_print(stdout);
    puts("\nSee perch-fcgi(8).");
}

enum action { SERVE, CHECK };

/* What the command line wants; exits for --help, --version and mistakes. */
static enum action parse(int argc, char **argv, enum check *ret_check)
{
    static const struct option options[] = {
        {"test", no_argument, NULL, 't'},      {"check-start", no_argument, NULL, 'c'},
        {"check-sql", no_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},   {NULL, 0, NULL, 0},
    };
    enum action action = SERVE;
    int option;
    while ((option = getopt_long(argc, argv, "t", options, NULL)) != -1) {
        if (option == 't' || option == 'c' || option == 's') {
            action = CHECK;
            *ret_check = option == 't' ? CHECK_ALL : option == 'c' ? CHECK_START : CHECK_SQL;
        } else if (option == 'h') {
            usage();
            exit(0);
        } else if (option == 'v') {
            puts("perch-fcgi " PACKAGE_VERSION);
            exit(0);
        } else {
            fputs("Try 'perch-fcgi --help'.\n", stderr);
            exit(1);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "perch-fcgi takes no arguments: %s\nTry 'perch-fcgi --help'.\n",
                argv[optind]);
        exit(1);
    }
    return action;
}

int main(int argc, char **argv)
{
    struct conf conf;
    enum log_level level = LOG_LEVEL_INFO;
    enum check check = CHECK_ALL;
    char program[PATH_MAX];
    handover_program(argv[0], program);
    /* Before anything points into the environment, which this moves to make room for titles. */
    setproctitle_init(argc, argv, environ);
    enum action action = parse(argc, argv, &check);
    log_open("master", level);
    if (sodium_init() < 0 || conf_load(&conf) != 0)
        return 1;
    if (log_level_parse(conf.log_level, &level) != 0) {
        log_error("PERCH_LOG_LEVEL=%s: use error, warn, info or debug", conf.log_level);
        return 1;
    }
    log_open("master", level);
    if (action == CHECK)
        return check_main(&conf, check);
    return master_main(&conf, program);
}
