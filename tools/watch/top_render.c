/* Lines of the screen; see top_render.h.
 *
 * A page is a table: rows are sorted by their order numbers, each formatted
 * only if it is shown, or if there is a filter to be matched with its text. */

#include "tools/watch/top_render.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_ROWS = TOP_MAX_PAIRS, /* Of any page. */
    LEAST_WIDTH = 20
};

struct row {
    double key[2]; /* Greater ones come first. */
    size_t i;
};

struct page {
    size_t (*n_rows)(const struct top_model *);
    void (*key)(const struct top_model *, size_t i, unsigned sort,
                double key[2]);
    void (*format)(const struct top_model *, size_t i, struct top_line *);
    const char *title;
    const char *sorts[TOP_N_SORTS];
};

static void add(struct top_screen *, enum top_style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void put(struct top_line *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void add_header(struct top_screen *, const struct top_model *);
static void add_tabs(struct top_screen *, const struct top_model *,
                     const struct top_view *);
static void add_help(struct top_screen *);
static void add_rows(struct top_screen *, const struct top_model *,
                     struct top_view *);
static size_t choose_rows(const struct top_model *, const struct top_view *,
                          struct row *);
static bool matches(const struct top_model *, const struct top_view *,
                    size_t i);
static int compare_rows(const void *, const void *);
static void add_footer(struct top_screen *, const struct top_view *,
                       size_t n_rows);
static size_t count_pairs(const struct top_model *);
static size_t count_violations(const struct top_model *);
static size_t count_sensors(const struct top_model *);
static size_t count_losses(const struct top_model *);
static void pair_key(const struct top_model *, size_t, unsigned, double[2]);
static void violation_key(const struct top_model *, size_t, unsigned,
                          double[2]);
static void sensor_key(const struct top_model *, size_t, unsigned, double[2]);
static void loss_key(const struct top_model *, size_t, unsigned, double[2]);
static void pair_row(const struct top_model *, size_t, struct top_line *);
static void violation_row(const struct top_model *, size_t, struct top_line *);
static void sensor_row(const struct top_model *, size_t, struct top_line *);
static void loss_row(const struct top_model *, size_t, struct top_line *);
static uint64_t loss_total(const struct top_model *, size_t i, double *rate);

static const struct page pages[] = {
    [TOP_PAGE_PAIRS] =
        {count_pairs,
         pair_key,
         pair_row,
         "from             to                 flows  viol.  alert  thru   "
         "bit/s   pkt/s   bytes  sensor",
         {"bytes", "violations", "flows"}},
    [TOP_PAGE_VIOLATIONS] =
        {count_violations,
         violation_key,
         violation_row,
         "latest       level    rule                 from             to"
         "               events  last seen",
         {"latest", "level", "events"}},
    [TOP_PAGE_SENSORS] =
        {count_sensors,
         sensor_key,
         sensor_row,
         "sensor           state    epoch    version   pkt/s   bit/s   flows"
         "  viol.   lost waiting    lag  policy; interfaces; outputs that fail",
         {"name", "packets", "lost"}},
    [TOP_PAGE_LOSSES] = {count_losses,
                         loss_key,
                         loss_row,
                         "lost                  total     /s  what",
                         {"way", "total", "rate"}},
};

static const char *const loss_names[] = {
#define LOSS_NAME(NAME, TEXT, HELP) [REDIS_STATE_##NAME] = (TEXT),
    REDIS_STATE_LOSSES(LOSS_NAME)
#undef LOSS_NAME
};
static const char *const loss_help[] = {
#define LOSS_HELP(NAME, TEXT, HELP) [REDIS_STATE_##NAME] = (HELP),
    REDIS_STATE_LOSSES(LOSS_HELP)
#undef LOSS_HELP
};

void
top_render(struct top_screen *screen, const struct top_model *model,
           struct top_view *view)
{
    screen->n_lines = 0;
    screen->width = screen->width < LEAST_WIDTH ? LEAST_WIDTH : screen->width;
    screen->width =
        screen->width > TOP_MAX_WIDTH ? TOP_MAX_WIDTH : screen->width;
    screen->height =
        screen->height < TOP_N_HEADER + 2 ? TOP_N_HEADER + 2 : screen->height;
    screen->height =
        screen->height > TOP_MAX_LINES ? TOP_MAX_LINES : screen->height;
    add_header(screen, model);
    add_tabs(screen, model, view);
    if (view->shows_help) {
        add_help(screen);
    } else {
        add_rows(screen, model, view);
    }
}

const char *
top_number_text(double value, char text[TOP_NUMBER_SIZE])
{
    static const char units[] = " kMGTPE";
    size_t unit = 0;

    while (value >= 999.5 && unit + 2 < sizeof units) {
        value /= 1000;
        unit++;
    }
    snprintf(text, TOP_NUMBER_SIZE,
             unit && value < 99.95 ? "%.1f%.*s" : "%.0f%.*s", value,
             unit ? 1 : 0, units + unit);
    return text;
}

/* A line more, if there is room for it, cut at the right edge. */
static void
add(struct top_screen *screen, enum top_style style, const char *format, ...)
{
    struct top_line *line = &screen->lines[screen->n_lines];
    va_list args;

    if (screen->n_lines == screen->height) {
        return;
    }
    va_start(args, format);
    vsnprintf(line->text, screen->width + 1, format, args);
    va_end(args);
    line->style = style;
    screen->n_lines++;
}

static void
put(struct top_line *line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(line->text, sizeof line->text, format, args);
    va_end(args);
}

static void
add_header(struct top_screen *screen, const struct top_model *model)
{
    uint64_t flows = 0, violations = 0;
    size_t n_alive = 0, n_rates = 0;
    double packets = 0, bytes = 0;
    char texts[4][TOP_NUMBER_SIZE], time[JSON_TIME_SIZE + 1] = "";
    struct json stamp;

    for (size_t i = 0; i < model->n_sensors; i++) {
        const struct top_sensor *sensor = &model->sensors[i];

        if (sensor->is_alive) {
            n_alive++;
            n_rates += sensor->has_rates;
            flows += sensor->state.counters[TOP_FLOWS];
            violations += sensor->state.counters[TOP_VIOLATIONS];
            packets += sensor->has_rates ? sensor->rates[TOP_FRAMES] : 0;
            bytes += sensor->has_rates ? sensor->rates[TOP_BYTES] : 0;
        }
    }
    json_init(&stamp, 1);
    json_write_time(&stamp, time, model->now);
    add(screen, TOP_STYLE_HEADER,
        "segmon top  %.8s UTC  sensors %zu of %zu  %s pkt/s  %s bit/s  "
        "%s flows  %s violations",
        time + 11, n_alive, model->n_sensors,
        n_rates ? top_number_text(packets, texts[0]) : "-",
        n_rates ? top_number_text(8 * bytes, texts[1]) : "-",
        top_number_text((double)flows, texts[2]),
        top_number_text((double)violations, texts[3]));
    if (model->problem[0]) {
        add(screen, TOP_STYLE_ALARM, "%s; trying again", model->problem);
    } else {
        add(screen, TOP_STYLE_PLAIN, "%s",
            model->n_sensors ? "" : "no sensor is known to this server");
    }
}

static void
add_tabs(struct top_screen *screen, const struct top_model *model,
         const struct top_view *view)
{
    char tabs[TOP_MAX_WIDTH] = "";
    size_t used = 0;

    for (unsigned i = 0; i < TOP_N_PAGES; i++) {
        bool is_this = view->page == i;

        used += (size_t)snprintf(tabs + used, sizeof tabs - used,
                                 is_this ? "[%u %s] " : " %u %s  ", i + 1,
                                 top_page_name((enum top_page)i));
    }
    add(screen, TOP_STYLE_PLAIN, "%s sort: %s%s%s%s%s%s%s", tabs,
        pages[view->page].sorts[view->sorts[view->page]],
        view->filter[0] || view->is_typing ? "  filter: " : "", view->filter,
        view->is_typing ? "_" : "", view->is_paused ? "  (paused)" : "",
        model->pairs_left_out ? "  (too many pairs)" : "",
        model->n_forgotten ? "  (too many violations)" : "");
}

static void
add_help(struct top_screen *screen)
{
    static const char *const lines[] = {
        "",
        "  1 to 4, Tab   another page",
        "  s             sort by something else",
        "  f, /          only rows with a text: Enter keeps it, Escape not",
        "  p             pause, and go on",
        "  arrows, Page  scroll; Home: to the top",
        "  h, ?          this help, and back",
        "  q             quit",
        "",
        "  Rates are over the time between the last two states that a sensor",
        "  told, some five seconds.  'thru': denied, and established all the",
        "  same.",
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        add(screen, TOP_STYLE_PLAIN, "%s", lines[i]);
    }
}

static void
add_rows(struct top_screen *screen, const struct top_model *model,
         struct top_view *view)
{
    struct row *rows = calloc(MAX_ROWS, sizeof *rows);
    size_t n_room = screen->height - TOP_N_HEADER - TOP_N_FOOTER;
    size_t n = rows ? choose_rows(model, view, rows) : 0;

    add(screen, TOP_STYLE_TITLE, "%s", pages[view->page].title);
    if (view->first >= n) {
        view->first = n ? n - 1 : 0;
    }
    for (size_t i = view->first; i < n && i - view->first < n_room; i++) {
        struct top_line line = {.style = TOP_STYLE_PLAIN};

        pages[view->page].format(model, rows[i].i, &line);
        add(screen, line.style, "%s", line.text);
    }
    add_footer(screen, view, n);
    free(rows);
}

static size_t
choose_rows(const struct top_model *model, const struct top_view *view,
            struct row *rows)
{
    const struct page *page = &pages[view->page];
    size_t n_all = page->n_rows(model), n = 0;

    for (size_t i = 0; i < n_all && n < MAX_ROWS; i++) {
        if (!view->filter[0] || matches(model, view, i)) {
            page->key(model, i, view->sorts[view->page], rows[n].key);
            rows[n++].i = i;
        }
    }
    qsort(rows, n, sizeof *rows, compare_rows);
    return n;
}

static bool
matches(const struct top_model *model, const struct top_view *view, size_t i)
{
    struct top_line line;

    pages[view->page].format(model, i, &line);
    return strstr(line.text, view->filter) != NULL;
}

/* What is equal stays in its order, so that rows do not jump. */
static int
compare_rows(const void *left, const void *right)
{
    const struct row *a = left;
    const struct row *b = right;

    for (unsigned i = 0; i < 2; i++) {
        if (a->key[i] != b->key[i]) {
            return a->key[i] > b->key[i] ? -1 : 1;
        }
    }
    return a->i < b->i ? -1 : a->i > b->i;
}

static void
add_footer(struct top_screen *screen, const struct top_view *view,
           size_t n_rows)
{
    size_t n_shown = screen->n_lines - TOP_N_HEADER;

    if (n_rows > n_shown) {
        add(screen, TOP_STYLE_DIM, "rows %zu to %zu of %zu; h: help, q: quit",
            view->first + 1, view->first + n_shown, n_rows);
    } else {
        add(screen, TOP_STYLE_DIM, "h: help, q: quit");
    }
}

static size_t
count_pairs(const struct top_model *model)
{
    return model->n_pairs;
}

static size_t
count_violations(const struct top_model *model)
{
    return model->n_violations;
}

static size_t
count_sensors(const struct top_model *model)
{
    return model->n_sensors;
}

static size_t
count_losses(const struct top_model *model)
{
    (void)model;
    return REDIS_STATE_N_LOSSES;
}

static void
pair_key(const struct top_model *model, size_t i, unsigned sort, double key[2])
{
    const struct top_pair *pair = &model->pairs[i];
    const uint64_t *values = pair->values;
    double bytes = (double)values[TOP_COLUMN_src_bytes] +
                   (double)values[TOP_COLUMN_dst_bytes];

    key[1] = bytes;
    switch (sort) {
    case 0:
        key[0] = pair->rates[TOP_COLUMN_src_bytes] +
                 pair->rates[TOP_COLUMN_dst_bytes];
        break;
    case 1: key[0] = (double)values[TOP_COLUMN_violations]; break;
    default: key[0] = (double)values[TOP_COLUMN_flows]; break;
    }
}

static void
violation_key(const struct top_model *model, size_t i, unsigned sort,
              double key[2])
{
    const struct top_violation *found = &model->violations[i];

    key[1] = (double)found->order;
    switch (sort) {
    case 0: key[0] = (double)found->order; break;
    case 1: key[0] = found->level; break;
    default: key[0] = (double)found->n_events; break;
    }
}

static void
sensor_key(const struct top_model *model, size_t i, unsigned sort,
           double key[2])
{
    const struct top_sensor *sensor = &model->sensors[i];
    double lost = 0;

    for (unsigned j = 0; j < REDIS_STATE_N_LOSSES; j++) {
        lost += (double)sensor->state.lost[j];
    }
    key[0] = key[1] = 0; /* In the order they were found. */
    if (sort == 1) {
        key[0] = sensor->has_rates ? sensor->rates[TOP_FRAMES] : -1;
    } else if (sort == 2) {
        key[0] = lost;
    }
}

static void
loss_key(const struct top_model *model, size_t i, unsigned sort, double key[2])
{
    double rate;
    uint64_t total = loss_total(model, i, &rate);

    key[0] = key[1] = 0;
    if (sort > 0) {
        key[0] = sort == 1 ? (double)total : rate;
    }
}

static void
pair_row(const struct top_model *model, size_t i, struct top_line *line)
{
    const struct top_pair *pair = &model->pairs[i];
    const uint64_t *values = pair->values;
    const double *rates = pair->rates;
    char texts[7][TOP_NUMBER_SIZE];

    put(line, "%-16.16s %-16.16s %7s%7s%7s%6s%8s%8s%8s  %s", pair->src,
        pair->dst, top_number_text((double)values[TOP_COLUMN_flows], texts[0]),
        top_number_text((double)values[TOP_COLUMN_violations], texts[1]),
        top_number_text((double)values[TOP_COLUMN_alerts], texts[2]),
        top_number_text((double)values[TOP_COLUMN_got_through], texts[3]),
        pair->has_rates ? top_number_text(8 * (rates[TOP_COLUMN_src_bytes] +
                                               rates[TOP_COLUMN_dst_bytes]),
                                          texts[4])
                        : "-",
        pair->has_rates ? top_number_text(rates[TOP_COLUMN_src_packets] +
                                              rates[TOP_COLUMN_dst_packets],
                                          texts[5])
                        : "-",
        top_number_text((double)values[TOP_COLUMN_src_bytes] +
                            (double)values[TOP_COLUMN_dst_bytes],
                        texts[6]),
        model->sensors[pair->sensor].name);
    line->style =
        values[TOP_COLUMN_got_through] ? TOP_STYLE_ALARM : TOP_STYLE_PLAIN;
}

static void
violation_row(const struct top_model *model, size_t i, struct top_line *line)
{
    const struct top_violation *found = &model->violations[i];
    const char *time =
        strlen(found->time) > 11 ? found->time + 11 : found->time;
    char text[TOP_NUMBER_SIZE];

    put(line, "%-12.12s %-8.8s %-20.20s %-16.16s %-16.16s %6s  %s %s %s", time,
        found->severity, found->rule, found->src, found->dst,
        top_number_text((double)found->n_events, text), found->ends,
        found->application, found->outcome);
    line->style = found->level >= 3 ? TOP_STYLE_ALARM : TOP_STYLE_PLAIN;
}

static void
sensor_row(const struct top_model *model, size_t i, struct top_line *line)
{
    const struct top_sensor *sensor = &model->sensors[i];
    const struct top_state *state = &sensor->state;
    const char *word = "silent";
    double lost = 0;
    char texts[7][TOP_NUMBER_SIZE];

    for (unsigned j = 0; j < REDIS_STATE_N_LOSSES; j++) {
        lost += (double)state->lost[j];
    }
    if (sensor->is_alive) {
        word = state->counters[TOP_EMERGENCY] ? "full" : "running";
    } else if (strcmp(state->phase, "ended") == 0) {
        word = "ended";
    } else if (!sensor->has_state) {
        word = "unknown";
    }
    put(line, "%-16.16s %-8s %-8.8s %-8.8s%7s%8s%8s%7s%7s%8s%6ss  %s; %s%s%s",
        sensor->name, word, state->epoch, state->version,
        sensor->has_rates ? top_number_text(sensor->rates[TOP_FRAMES], texts[0])
                          : "-",
        sensor->has_rates
            ? top_number_text(8 * sensor->rates[TOP_BYTES], texts[1])
            : "-",
        top_number_text((double)state->counters[TOP_FLOWS], texts[2]),
        top_number_text((double)state->counters[TOP_VIOLATIONS], texts[3]),
        top_number_text(lost, texts[4]),
        top_number_text((double)state->counters[TOP_WAITING], texts[5]),
        top_number_text((double)state->counters[TOP_LAG], texts[6]),
        state->policy, state->interfaces, state->outputs[0] ? "; " : "",
        state->outputs);
    line->style = sensor->is_alive && !state->outputs[0] ? TOP_STYLE_PLAIN
                                                         : TOP_STYLE_ALARM;
}

static void
loss_row(const struct top_model *model, size_t i, struct top_line *line)
{
    double rate;
    uint64_t total = loss_total(model, i, &rate);
    char texts[2][TOP_NUMBER_SIZE];

    put(line, "%-16s %10s %6s  %s", loss_names[i],
        top_number_text((double)total, texts[0]),
        top_number_text(rate, texts[1]), loss_help[i]);
    line->style = rate > 0 ? TOP_STYLE_ALARM : TOP_STYLE_PLAIN;
}

/* Of the sensors that run. */
static uint64_t
loss_total(const struct top_model *model, size_t i, double *rate)
{
    uint64_t total = 0;

    *rate = 0;
    for (size_t j = 0; j < model->n_sensors; j++) {
        const struct top_sensor *sensor = &model->sensors[j];

        if (sensor->is_alive) {
            total += sensor->state.lost[i];
            *rate += sensor->has_rates ? sensor->lost_rates[i] : 0;
        }
    }
    return total;
}
