/** Names of people who do not exist: surnames that mean "sample" or nothing at all, in the scripts that people write. */
import type { Dice } from './dice.ts';

interface Script {
  given: readonly string[];
  family: readonly string[];
  /** `family given`, as written there. */
  familyFirst?: boolean;
  /** What stands between. */
  between?: string;
  /** Of a hundred people. */
  share: number;
}

const SCRIPTS: readonly Script[] = [
  {
    given: ['Ada', 'Bruno', 'Clio', 'Dario', 'Esme', 'Felix', 'Greta', 'Hugo', 'Iris', 'Jonas', 'Kaia', 'Leo', 'Mina'],
    family: [
      'Sampleton',
      'Demoson',
      'Quillfeather',
      'Moonbarrow',
      'Tidewhistle',
      'Fernhollow',
      'Placeholt',
      'Mockingham',
    ],
    share: 34,
  },
  {
    given: ['Zoë', 'Björn', 'Łucja', 'Søren', 'Inês', 'Žofie', 'Ağça', 'Éloïse', 'Óscar', 'Ñusta', 'Þóra', 'Ștefan'],
    family: ['Beispielmann', 'Exempelsdóttir', 'Przykładowska', 'Exemplovič', 'Örneksoy', 'Muestragarcía'],
    share: 16,
  },
  {
    given: ['さくら', '蓮', '陽菜', '湊', '結衣', '大翔', '葵', '樹', 'あかり', '颯太'],
    family: ['見本', '仮野', '例山', '試田', '雛形', '模田'],
    familyFirst: true,
    between: ' ',
    share: 14,
  },
  {
    given: ['ليلى', 'يوسف', 'نور', 'كريم', 'سلمى', 'آدم', 'هدى', 'زيد'],
    family: ['النموذجي', 'المثالي', 'التجريبي'],
    share: 7,
  },
  {
    given: ['An', 'Bảo Ngọc', 'Đức', 'Hương Giang', 'Khánh', 'Thảo Vy', 'Trường'],
    family: ['Ví Dụ', 'Mẫu', 'Thử Nghiệm'],
    familyFirst: true,
    share: 7,
  },
  { given: ['민준', '서연', '도윤', '하은', '지호'], family: ['예시', '견본'], familyFirst: true, share: 4 },
  {
    given: ['子涵', '浩宇', '欣怡', '梓晨', '雨桐'],
    family: ['样本', '示例'],
    familyFirst: true,
    between: '',
    share: 5,
  },
  { given: ['Мира', 'Лев', 'Злата', 'Тимур', 'Яна'], family: ['Примерова', 'Образцов', 'Зразок'], share: 4 },
  { given: ['Ελένη', 'Νίκος', 'Δάφνη', 'Άρης'], family: ['Παραδειγματίδης', 'Δοκιμάκη'], share: 2 },
  { given: ['आरव', 'अनन्या', 'कबीर', 'मीरा'], family: ['उदाहरण', 'नमूना'], share: 3 },
  { given: ['נועה', 'איתן', 'מאיה'], family: ['דוגמה', 'מדגם'], share: 1 },
  { given: ['กานต์', 'ใบบัว', 'ภูมิ'], family: ['ตัวอย่าง', 'ทดลอง'], share: 2 },
  { given: ['თამარ', 'ლუკა'], family: ['ნიმუშაძე'], share: 1 },
];

/** What providers and clients do send, and what some send on purpose. */
const UGLY_NAMES: readonly string[] = [
  `Maximiliana ${'Anna-Sophie-'.repeat(12)}Donaudampfschifffahrtsgesellschaftsmusterfrau`,
  '🦄✨ Demo 👩‍👩‍👧‍👦 Sample 🏳️‍🌈',
  '<script>alert("demo")</script>',
  `"><img src=x onerror=alert('demo')>`,
  '{{ 7 * 7 }} #{7*7} <%= 7*7 %>',
  '\u202Enosrep ton\u202C Sample',
  'Z\u0351\u0352\u0353\u0354a\u0355\u0356\u0357l\u0358\u0359g\u035A\u035Bo Demo',
  'Sample\u200B\u200B\u200BZero\u00ADWidth',
  '   ',
  'null',
  "Robert'); DROP TABLE demo;--",
  'ﷺ ﷽ Sample',
  'OneWordWithoutAnyPlaceToBreakTheLineThatGoesOnAndOnAndOnAndOnAndOnAndOnAndOnDemo',
];

const UGLY_SHARE = 0.012;

export function personName(dice: Dice): string {
  if (dice.chance(UGLY_SHARE)) return dice.pick(UGLY_NAMES);
  const { given, family, familyFirst, between = ' ' } = scriptFor(dice.below(100));
  const parts = [dice.pick(given), dice.pick(family)];
  return (familyFirst ? parts.reverse() : parts).join(between);
}

function scriptFor(place: number): Script {
  let end = 0;
  for (const script of SCRIPTS) {
    end += script.share;
    if (place < end) return script;
  }
  return SCRIPTS[0] as Script;
}
