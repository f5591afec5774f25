// The sentences of a demo's cards. In braces stands what a topic fills in: {thing}, {other} and {third} are
// different things, {act} and {also} different acts.

export const TITLES = [
  "Why every {thing} needs a {other}",
  "The {thing} is not the {other}",
  "On {act}",
  "What the {thing} taught me about {topic}",
  "A case for {act}",
  "Against the perfect {thing}",
  "{Act}, one year later",
  "The quiet power of {act}",
  "Small rules for {topic}",
  "Notes on the {thing}",
  "Before the {thing} comes the {other}",
  "How {people} think about the {thing}",
  "{number} lessons from {act}",
  "The {thing}, the {other} and the {third}",
  "Start with the {thing}",
  "What nobody says about {act}",
  "When the {thing} fails",
  "{Topic} as a slow conversation",
  "Is {act} worth it?",
  "The smallest useful {thing}",
];

export const OPENINGS = [
  "For years I treated the {thing} as an afterthought.",
  "Most {people} I know have strong opinions about the {thing}, and few have tested them.",
  "It started with {act}, almost by accident.",
  "There is a difference between the {thing} and the {other}, and it matters more than it seems.",
  "Last {season} I gave {act} a serious try.",
  "Everybody recommends {act}. Hardly anybody says what it costs.",
  "I keep coming back to one observation about {topic}: the {thing} decides more than the {other}.",
  "A friend asked me what I would keep of {topic} if I could keep only one thing.",
  "The best advice I got on {topic} was about the {thing}, and I ignored it.",
  "Here is a small claim: {act} beats {also}.",
];

export const SENTENCES = [
  "The {thing} does not care about plans; it answers to {act} and to nothing else.",
  "After {number} weeks the {other} began to look different.",
  "What helped was {act}, not because it is clever but because it is repeatable.",
  "Good {people} do this without noticing.",
  "I was wrong about the {thing}: it was the {other} all along.",
  "It takes about {number} minutes, which is why it survives a busy week.",
  "None of this is new, and that is rather the point.",
  "The {third} is where the trouble shows first.",
  "One {thing} a day sounds like little, until you count a year of them.",
  "If the {other} feels heavy, the {thing} was probably too big to begin with.",
  "There is a cost: {act} makes the {third} slower, and some days that is too much.",
  "I tried {also} as well, and it worked for about {number} days.",
  "Two things can be true: the {thing} matters, and the {other} matters more.",
  "When in doubt, I return to {act}.",
  "Most of the gain came in the first {number} tries.",
  "It is tempting to measure the {other} instead, because it is easier to count.",
  "The {thing} gets better when somebody else can see it.",
  "That is how {topic} works: slowly, then in one afternoon.",
  "*Less, but every day* turned out to be a fair summary.",
  "What I would tell a beginner: **begin with {act}** and let the {thing} follow.",
  "In practice the {third} and the {other} are the same decision, made twice.",
  "Older {people} told me so; I wrote it down and did not listen.",
  "A {number}-minute habit is easier to forgive than to skip.",
  "The exception is the {third}, for which I have no rule yet.",
];

export const CLOSINGS = [
  "I will write again when the {thing} proves me wrong.",
  "So far the {thing} has held. Ask me again next {season}.",
  "If you have tried {act} and it failed, I would like to hear how.",
  "That is all: {act}, and the patience to do it again.",
  "The next card will be about the {third}.",
  "Keep the {thing}, drop the rest.",
];

export const HEADINGS = [
  "What changed",
  "The rule",
  "Where it fails",
  "In practice",
  "What I do now",
  "An objection",
  "The {thing} itself",
];

export const POINTS = [
  "start with the {thing}, not with the {other}",
  "{act}, at least {number} times before judging",
  "never trust a {third} that nobody has touched for a month",
  "leave {number} minutes at the end for {also}",
  "write down what the {other} looked like before",
  "ask which {thing} you would keep",
  "when it gets boring, you are close",
];

export const QUOTES = [
  "The {thing} is honest in a way that the {other} never is.",
  "You can hurry the {other}, but not the {thing}.",
  "{Act} is the whole secret, and it is not a secret.",
  "Whoever looks after the {thing} need not worry about the {other}.",
];

/** Why a card was cited. */
export const ATTRIBUTION_NOTES = [
  "Where this idea comes from.",
  "I disagree with the second half, and that is why I wrote this.",
  "Borrowed the example, changed the conclusion.",
  "A better explanation than mine.",
  "Continues the thought.",
  "See there for the numbers.",
  "This card made me try it.",
  "An answer to the question at the end.",
];

export const TRANSFER_NOTES = [
  "For the translation",
  "Thanks for the review",
  "Coffee, as promised",
  "Half of the prize",
  "For your help with the outline",
  "I lost the bet",
];

/** Why an operator gave or took something; by the kind of movement. */
export const REASONS = {
  bonus: [
    "Card of the week",
    "Found a bug and told us how",
    "Helped newcomers all month",
    "Winner of the spring challenge",
  ],
  penalty: ["The same card under several titles", "Citations in a ring", "Spam in attribution notes"],
  adjustment: ["Correction after a support request", "Rounding of an imported balance"],
  reversal: ["Cited by mistake", "Paid twice by mistake", "Requested by both sides"],
} as const;
