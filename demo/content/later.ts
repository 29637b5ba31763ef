/** What arrives while somebody watches, in this order; and what customers say who had nothing particular in mind. */
import type { Language, Talk } from './talk.ts';

type Arrival = Pick<Talk, 'box' | 'language' | 'who' | 'subject' | 'next'> & { text: string };

export const arrivals: readonly Arrival[] = [
  {
    box: 'support',
    language: 'en',
    who: ['Piet Halloran', 'piet.halloran@inbox.example'],
    subject: 'There is a seagull in your doorway',
    text: `Hello, I am standing outside. There is a seagull in your doorway and he will not let me in. Do you have another door, or a fish?`,
    next: `He took the sandwich and left. I am inside now. I bought a book about seagulls.`,
  },
  {
    box: 'sales',
    language: 'de',
    who: ['Kurverwaltung Nordstrand', 'kurverwaltung@nordstrand.example'],
    subject: 'Anfrage: Bücherschrank für die Strandpromenade',
    text: `Guten Tag,

wir möchten auf der Promenade einen Bücherschrank aufstellen und suchen etwa 150 gebrauchte Bücher. Sie sollten wetterfest sein, zumindest seelisch. Könnten Sie uns ein Angebot machen?

Kurverwaltung Nordstrand`,
    next: `Angenommen! Der Schrank steht, bislang wohnt ein Spatz darin.`,
  },
  {
    box: 'support',
    language: 'fr',
    who: ['Odile Garnier', 'odile.garnier@courriel.example'],
    subject: 'Carte cadeau introuvable',
    text: `Bonjour, j’ai rangé ma carte cadeau dans un livre, mais lequel ? Pouvez-vous me renvoyer le code ? J’ai 600 livres et je suis à la lettre C.`,
    next: `Merci ! Elle était dans Zola, bien sûr.`,
  },
  {
    box: 'support',
    language: 'en',
    who: ['Rahul Deshmukh', 'rahul.d@inbox.example'],
    subject: 'Signed copy?',
    text: `Hi, is it true that you have signed copies of "Small Boats, Big Weather"? Could one be signed for "the other Rahul"? He will know.`,
    next: `Brilliant. The other Rahul does know, and is speechless.`,
  },
  {
    box: 'support',
    language: 'ja',
    who: ['鈴木 健太', 'kenta.suzuki@yubin.example'],
    subject: '営業時間について',
    text: `お世話になります。来週の土曜日に店舗へ伺いたいのですが、営業時間を教えていただけますか。猫の出勤時間もあわせてお願いいたします。`,
    next: `ありがとうございます。十時に伺います。猫にもよろしくお伝えください。`,
  },
  {
    box: 'sales',
    language: 'en',
    who: ['Lighthouse Trust', 'events@lighthouse-trust.example'],
    subject: 'Reading at the top of the lighthouse',
    text: `Dear Harbour Books,

could you run a bookstall at our reading on the 5th? It is at the top: 214 steps. The author is bringing her own rope.`,
    next: `Lovely. We will carry the first box up for you. Only the first.`,
  },
  {
    box: 'support',
    language: 'es',
    who: ['Mercedes Ibáñez', 'mercedes.ibanez@buzon.example'],
    subject: 'El libro habla solo',
    text: `Buenas tardes: el audiolibro se enciende solo a las tres de la mañana y sigue por donde iba. ¿Es una función? Si lo es, quisiera desactivarla. Si no lo es, quisiera mudarme.`,
    next: `Era el despertador. Gracias, me quedo en casa.`,
  },
  {
    box: 'support',
    language: 'zh',
    who: ['赵一鸣', 'yiming.zhao@xinxiang.example'],
    subject: '包裹里多了一只纸船',
    text: `你好,包裹里除了书还有一只纸船。请问是送的吗?我女儿已经把它放进浴缸了,目前还没沉。`,
    next: `谢谢!纸船在第三天光荣沉没,女儿问能不能再买一本书。`,
  },
  {
    box: 'sales',
    language: 'nl',
    who: ['Bibliotheek Waterkant', 'inkoop@bieb-waterkant.example'],
    subject: 'Kunnen jullie volgende week leveren?',
    text: `Hallo, onze leesweek begint maandag en de leverancier heeft ons laten zitten. Kunnen jullie 60 prentenboeken leveren? Liefst zonder draken, daar hebben we er nu 200 van.`,
    next: `Fantastisch, jullie redden de leesweek. De draken groeten terug.`,
  },
  {
    box: 'support',
    language: 'ar',
    who: ['سامي النجّار', 'sami.najjar@barid.example'],
    subject: 'هل الكتاب متوفّر؟',
    text: `مرحبًا، هل كتاب «حارس الفنار» متوفّر لديكم بالعربية؟ وعدتُ به جدّتي، وهي لا تنسى الوعود.`,
    next: `شكرًا! جدّتي راضية، وهذا نادر.`,
  },
  {
    box: 'support',
    language: 'pl',
    who: ['Bartosz Żółkiewski', 'bartosz.zolkiewski@poczta.example'],
    subject: 'Zakładka w kształcie śledzia',
    text: `Dzień dobry, do paczki była dołączona zakładka w kształcie śledzia. Czy można dokupić jeszcze pięć? Koledzy w pracy są zazdrośni.`,
    next: `Dziękuję! Mamy teraz w biurze całą ławicę.`,
  },
  {
    box: 'support',
    language: 'en',
    who: ['J. R. Whitlock', 'jrw@whitlock.example'],
    subject: 'Regarding your cat, second letter',
    text: `Sirs,

I passed your window today. The cat looked at me. I looked at the cat. I believe that we understand each other now.

Is the atlas still to be had?

J. R. Whitlock`,
    next: `Obliged. I shall bring a herring, in a spirit of reconciliation.`,
  },
];

/** For an answer that nobody wrote a particular reply to. */
export const thanks: Readonly<Record<Language, readonly [string, ...string[]]>> = {
  en: [
    `Thank you, that was quick! I had just put the kettle on.`,
    `That answers it, thank you. One more thing: is the cat in on Sundays?`,
    `Perfect. I will tell everybody, whether they ask or not.`,
  ],
  de: [`Herzlichen Dank, das hilft mir weiter!`, `Prima, vielen Dank. Und liebe Grüße an die Katze!`],
  fr: [`Merci beaucoup, c’est parfait.`, `Merci ! Une petite caresse au chat de ma part.`],
  es: [`Muchas gracias, perfecto.`, `Gracias por la rapidez. Un saludo al gato.`],
  nl: [`Dank je wel, dat is duidelijk!`, `Top, bedankt. Groeten aan de kat.`],
  pl: [`Bardzo dziękuję, wszystko jasne.`],
  it: [`Grazie mille, tutto chiaro!`],
  pt: [`Muito obrigada, está tudo esclarecido.`],
  sv: [`Tack så mycket, det löste sig!`],
  uk: [`Щиро дякую, усе зрозуміло!`],
  ja: [`ご返信ありがとうございます。大変助かりました。`],
  zh: [`谢谢,问题解决了!`],
  ko: [`답변 감사합니다. 잘 해결되었습니다.`],
  ar: [`شكرًا جزيلًا، اتّضح الأمر.`],
  he: [`תודה רבה, הכול ברור עכשיו.`],
  vi: [`Cảm ơn cửa hàng, em rõ rồi ạ!`],
};
