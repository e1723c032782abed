/* SPDX-License-Identifier: EUPL-1.2 */
/* The algorithms of THREAD (RFC 5256 3): ORDEREDSUBJECT and REFERENCES. */
#include "thread.h"

void threads_init(struct threads *t)
{
	struct oid random;

	*t = (struct threads){ .top = NO_NODE, .last_top = NO_NODE };
	oid_new(&random);
	memcpy(&t->seed, random.b, sizeof(t->seed));
	buf_init(&t->nodes, LIMIT_THREAD_NODES * sizeof(struct thread_node));
	buf_init(&t->texts, LIMIT_THREAD_TEXTS);
	buf_init(&t->messages, LIMIT_SEARCH_HITS * sizeof(uint32_t));
}

void threads_free(struct threads *t)
{
	buf_free(&t->nodes);
	buf_free(&t->texts);
	buf_free(&t->messages);
	mem_free(t->ids.slots);
	mem_free(t->subjects.slots);
	order_free(&t->order);
}

/* --- nodes and tables ------------------------------------------------------------------ */

static enum err add_node(struct threads *t, uint32_t *out)
{
	struct thread_node node = {
		.parent = NO_NODE, .child = NO_NODE, .next = NO_NODE
	};

	*out = (uint32_t)(t->nodes.n / sizeof(node));
	return buf_add(&t->nodes, &node, sizeof(node));
}

static struct slice text_of(const struct threads *t, struct thread_text x)
{
	return slice_of(t->texts.p + x.at, x.n);
}

static enum err keep_text(
	struct threads *t, struct slice s, struct thread_text *out)
{
	*out = (struct thread_text){ (uint32_t)t->texts.n, (uint32_t)s.n };
	return buf_add_slice(&t->texts, s);
}

/* FNV-1a from a secret start: senders choose the texts. */
static uint64_t hash(const struct threads *t, struct slice s)
{
	uint64_t h = t->seed;

	for (size_t k = 0; k < s.n; k++)
		h = (h ^ (unsigned char)s.p[k]) * 0x100000001b3u;
	return h ^ h >> 32;
}

static size_t slot_of(const struct threads *t, const struct thread_table *table,
	struct slice s)
{
	size_t k = hash(t, s) & (table->size - 1);

	while (table->slots[k].node &&
		!slice_eq(text_of(t, table->slots[k].text), s))
		k = (k + 1) & (table->size - 1);
	return k;
}

static enum err table_room(struct threads *t, struct thread_table *table)
{
	struct thread_table old = *table;

	if (table->n * 2 < table->size)
		return ERR_OK;
	table->size = old.size ? old.size * 2 : 1024;
	table->slots = mem_alloc(table->size * sizeof(*table->slots));
	if (!table->slots) {
		*table = old;
		return ERR_NOMEM;
	}
	for (size_t k = 0; k < old.size; k++)
		if (old.slots[k].node)
			table->slots[slot_of(t, table,
				text_of(t, old.slots[k].text))] = old.slots[k];
	mem_free(old.slots);
	return ERR_OK;
}

/* The slot for `s`; a free one gets `text`, which is `s` kept. */
static enum err find_slot(struct threads *t, struct thread_table *table,
	struct slice s, size_t *out)
{
	TRY(table_room(t, table));
	*out = slot_of(t, table, s);
	return ERR_OK;
}

/* --- message ids ------------------------------------------------------------------------ */

/* The next valid id of `c`, without quotes (RFC 5256 3: "normalize"). */
static bool next_id(struct cursor *c, struct buf *out)
{
	while (!p_end(c)) {
		bool quoted = false, at = false;
		if (*c->p++ != '<')
			continue;
		buf_reset(out);
		while (!p_end(c) &&
			(quoted || (*c->p != '>' && *c->p != '<'))) {
			char ch = *c->p++;
			if (ch == '"') {
				quoted = !quoted;
				continue;
			}
			if (ch == '\\' && quoted && !p_end(c))
				ch = *c->p++;
			at |= ch == '@' && !quoted && out->n;
			if (quoted || (ch != ' ' && ch != '\t'))
				buf_addc(out, ch);
		}
		if (p_char(c, '>') && at && out->p[out->n - 1] != '@')
			return true;
	}
	return false;
}

/* The node of an id; a dummy when there is none yet. */
static enum err node_of_id(struct threads *t, struct slice id, uint32_t *out)
{
	size_t k;

	TRY(find_slot(t, &t->ids, id, &k));
	if (t->ids.slots[k].node == 0) {
		TRY(add_node(t, out));
		TRY(keep_text(t, id, &t->ids.slots[k].text));
		t->ids.slots[k].node = *out + 1;
		t->ids.n++;
	}
	*out = t->ids.slots[k].node - 1;
	return ERR_OK;
}

/* --- REFERENCES, step 1 ------------------------------------------------------------------ */

/* Is `a` below `b`, or so deep that nobody needs the link? */
static bool is_below(const struct threads *t, uint32_t a, uint32_t b)
{
	if (a == b)
		return true;
	if (thread_node(t, b)->n_children == 0)
		return false;
	for (size_t steps = 0; a != NO_NODE; steps++) {
		if (a == b || steps == LIMIT_THREAD_WALK)
			return true;
		a = thread_node(t, a)->parent;
	}
	return false;
}

static void unlink_node(struct threads *t, uint32_t child)
{
	struct thread_node *c = thread_node(t, child);

	if (c->parent != NO_NODE)
		thread_node(t, c->parent)->n_children--;
	c->parent = NO_NODE;
}

static void link_node(struct threads *t, uint32_t parent, uint32_t child)
{
	struct thread_node *c = thread_node(t, child);

	if (c->parent != NO_NODE || is_below(t, parent, child))
		return;
	c->parent = parent;
	thread_node(t, parent)->n_children++;
}

static size_t count_ids(struct slice field, struct buf *id)
{
	struct cursor c = cursor_of(field);
	size_t n = 0;

	while (next_id(&c, id))
		n++;
	return n;
}

/* (A): the references are each other's parents; *last is the last one. */
static enum err link_references(
	struct threads *t, struct slice field, struct buf *id, uint32_t *last)
{
	size_t n = count_ids(field, id);
	size_t skip = n > LIMIT_REFERENCES ? n - LIMIT_REFERENCES : 0;
	struct cursor c = cursor_of(field);

	while (next_id(&c, id)) {
		uint32_t node;
		if (skip) {
			skip--;
			continue;
		}
		TRY(node_of_id(t, buf_slice(id), &node));
		if (*last != NO_NODE)
			link_node(t, *last, node);
		*last = node;
	}
	return ERR_OK;
}

/* The node that the message takes: that of its id, if none has it yet. */
static enum err own_node(struct threads *t, struct slice message_id,
	struct buf *id, uint32_t *out)
{
	struct cursor c = cursor_of(message_id);

	if (next_id(&c, id)) {
		TRY(node_of_id(t, buf_slice(id), out));
		if (thread_node(t, *out)->number == 0)
			return ERR_OK;
	}
	return add_node(t, out);
}

static enum err link_message(struct threads *t, const struct mail_envelope *e,
	struct buf *id, uint32_t *out)
{
	uint32_t last = NO_NODE;

	TRY(own_node(t, e->message_id, id, out));
	TRY(link_references(t, e->references, id, &last));
	struct cursor c = cursor_of(e->in_reply_to);
	if (last == NO_NODE && next_id(&c, id))
		TRY(node_of_id(t, buf_slice(id), &last));
	unlink_node(t, *out); /* (B) */
	if (last != NO_NODE)
		link_node(t, last, *out);
	return ERR_OK;
}

enum err threads_add(
	struct threads *t, const struct thread_message *m, bool references)
{
	uint32_t node;
	struct buf id;

	if (references) {
		buf_init(&id, LIMIT_FIELD);
		enum err e = link_message(t, m->envelope, &id, &node);
		buf_free(&id);
		TRY(e);
	} else {
		TRY(add_node(t, &node));
	}
	struct thread_node *n = thread_node(t, node);
	n->number = m->number;
	n->sent = m->sent;
	n->reply = m->reply;
	TRY(keep_text(t, m->subject, &n->subject));
	return buf_add(&t->messages, &node, sizeof(node));
}

/* --- the order of sent dates --------------------------------------------------------------- */

static uint32_t message_at(const struct threads *t, uint32_t k)
{
	return ((const uint32_t *)(const void *)t->messages.p)[k];
}

static int by_sent(const void *arg, uint32_t a, uint32_t b)
{
	int64_t x = thread_node(arg, message_at(arg, a))->sent;
	int64_t y = thread_node(arg, message_at(arg, b))->sent;

	return (x > y) - (x < y);
}

enum err threads_order_begin(struct threads *t)
{
	t->order.compare = by_sent;
	t->order.arg = t;
	return order_begin(&t->order, t->messages.n / sizeof(uint32_t));
}

static uint32_t kth(const struct threads *t, size_t k)
{
	return message_at(t, t->order.list[k]);
}

static void append(struct threads *t, uint32_t parent, uint32_t node)
{
	struct thread_node *p =
		parent == NO_NODE ? NULL : thread_node(t, parent);
	uint32_t *first = p ? &p->child : &t->top;
	uint32_t *last = p ? &p->last : &t->last_top;

	if (*first == NO_NODE)
		*first = node;
	else
		thread_node(t, *last)->next = node;
	*last = node;
	if (p)
		p->n_children++;
}

/* Lists of children from the parents (step 6); a dummy stands where its first
 * child is. */
static void make_lists(struct threads *t)
{
	size_t all = t->nodes.n / sizeof(struct thread_node);

	t->top = NO_NODE;
	for (size_t k = 0; k < all; k++) {
		struct thread_node *n = thread_node(t, (uint32_t)k);
		n->child = n->next = NO_NODE;
		n->n_children = 0;
		n->placed = false;
	}
	for (size_t k = 0; k < t->order.n; k++) {
		uint32_t node = kth(t, k),
			 parent = thread_node(t, node)->parent;
		if (parent != NO_NODE && thread_node(t, parent)->merged)
			parent = thread_node(t, parent)->parent;
		thread_node(t, node)->parent = parent;
		append(t, parent, node);
		struct thread_node *p =
			parent == NO_NODE ? NULL : thread_node(t, parent);
		if (p && p->number == 0 && !p->placed) {
			p->placed = true;
			append(t, NO_NODE, parent);
		}
	}
}

enum err threads_by_subject(struct threads *t)
{
	for (size_t k = 0; k < t->order.n; k++) {
		uint32_t node = kth(t, k);
		struct thread_node *n = thread_node(t, node);
		size_t at;
		TRY(find_slot(t, &t->subjects, text_of(t, n->subject), &at));
		if (t->subjects.slots[at].node) {
			n->parent = t->subjects.slots[at].node - 1;
			continue;
		}
		t->subjects.slots[at].text = n->subject;
		t->subjects.slots[at].node = node + 1;
		t->subjects.n++;
	}
	make_lists(t);
	return ERR_OK;
}

/* --- REFERENCES, steps 2 to 6 ------------------------------------------------------------- */

/* The nearest ancestor that is a message, or else the highest dummy. */
static uint32_t kept_parent(struct threads *t, uint32_t node)
{
	uint32_t up = thread_node(t, node)->parent, found = up;

	while (found != NO_NODE && thread_node(t, found)->number == 0 &&
		thread_node(t, found)->parent != NO_NODE)
		found = thread_node(t, found)->parent;
	while (up != found) { /* shortens the way for the next one */
		uint32_t next = thread_node(t, up)->parent;
		thread_node(t, up)->parent = found;
		up = next;
	}
	return found;
}

/* Step 3: messages are below messages, or below a dummy under the root; one
 * that is alone there takes its place. */
static void prune(struct threads *t)
{
	size_t all = t->nodes.n / sizeof(struct thread_node);

	for (size_t k = 0; k < t->order.n; k++) {
		uint32_t node = message_at(t, (uint32_t)k);
		uint32_t parent = kept_parent(t, node);
		thread_node(t, node)->parent = parent;
	}
	for (size_t k = 0; k < all; k++)
		thread_node(t, (uint32_t)k)->n_children = 0;
	for (size_t k = 0; k < t->order.n; k++) {
		uint32_t p = thread_node(t, message_at(t, (uint32_t)k))->parent;
		if (p != NO_NODE)
			thread_node(t, p)->n_children++;
	}
	for (size_t k = 0; k < t->order.n; k++) {
		struct thread_node *n =
			thread_node(t, message_at(t, (uint32_t)k));
		if (n->parent != NO_NODE &&
			thread_node(t, n->parent)->number == 0 &&
			thread_node(t, n->parent)->n_children == 1)
			n->parent = NO_NODE;
	}
}

static bool is_dummy(const struct thread_node *n)
{
	return n->number == 0;
}

/* 5.B.i: of the message, or of a dummy's first child. */
static struct thread_text subject_of(const struct threads *t, uint32_t node)
{
	const struct thread_node *n = thread_node(t, node);

	return is_dummy(n) ? thread_node(t, n->child)->subject : n->subject;
}

/* 5.B */
static enum err note_subject(struct threads *t, uint32_t node)
{
	struct thread_text subject = subject_of(t, node);
	const struct thread_node *n = thread_node(t, node);
	size_t at;

	if (subject.n == 0)
		return ERR_OK;
	TRY(find_slot(t, &t->subjects, text_of(t, subject), &at));
	uint32_t have = t->subjects.slots[at].node;
	if (have) {
		const struct thread_node *h = thread_node(t, have - 1);
		if (is_dummy(h) || !(is_dummy(n) || (h->reply && !n->reply)))
			return ERR_OK;
	}
	t->subjects.n += have == 0;
	t->subjects.slots[at].text = subject;
	t->subjects.slots[at].node = node + 1;
	return ERR_OK;
}

/* 5.C */
static enum err merge_subject(struct threads *t, uint32_t node)
{
	struct thread_text subject = subject_of(t, node);
	uint32_t made;
	size_t at;

	if (subject.n == 0 || thread_node(t, node)->parent != NO_NODE)
		return ERR_OK;
	TRY(find_slot(t, &t->subjects, text_of(t, subject), &at));
	uint32_t have = t->subjects.slots[at].node - 1;
	if (have == node)
		return ERR_OK;
	struct thread_node *n = thread_node(t, node);
	struct thread_node *h = thread_node(t, have);
	if (is_dummy(h) || (n->reply && !h->reply)) {
		n->parent = have;
		n->merged = is_dummy(n);
		return ERR_OK;
	}
	TRY(add_node(t, &made)); /* moves the nodes */
	thread_node(t, node)->parent = made;
	thread_node(t, have)->parent = made;
	t->subjects.slots[at].node = made + 1;
	return ERR_OK;
}

enum err threads_by_references(struct threads *t)
{
	prune(t);
	make_lists(t); /* step 4 */
	for (uint32_t k = t->top; k != NO_NODE; k = thread_node(t, k)->next)
		TRY(note_subject(t, k));
	for (uint32_t k = t->top; k != NO_NODE; k = thread_node(t, k)->next)
		TRY(merge_subject(t, k));
	make_lists(t);
	return ERR_OK;
}
